"""MP4 and QuickTime, looked over before a demuxer believes them."""
