"""What a hand-in is worth: its changes carried out again, and judged."""
