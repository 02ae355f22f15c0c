"""Files that other tools read and write: labels of pictures to text and back."""
