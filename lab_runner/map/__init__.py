"""A lab's network as a picture: where everything goes, and how it is drawn."""
