"""Who answers: a simulated oracle, or people, on a page in the browser or through files."""
