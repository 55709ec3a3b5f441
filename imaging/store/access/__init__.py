"""Who is signed in, asked again wherever something is written."""
