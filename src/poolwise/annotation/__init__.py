"""Who answers: a simulated oracle, or people through files."""
