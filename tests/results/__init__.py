"""Records, store, aggregate and leaderboard."""
