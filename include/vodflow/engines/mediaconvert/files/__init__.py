"""What becomes of the files that MediaConvert wrote: the layout's names, and playlists that use them. Pure."""
