"""PyAV (FFmpeg): every file that is accepted, decoded whole or as far as a stride needs."""
