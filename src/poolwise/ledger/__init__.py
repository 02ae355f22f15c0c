"""What happened, append-only: events, annotations, the state that follows from them, and the arrays beside them."""
