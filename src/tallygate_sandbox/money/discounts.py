"""What a discount takes off, and how it is split among the lines."""
