"""Who may watch: tokens, courses and enrolments, playlists with tokens in them, ways to segments."""
