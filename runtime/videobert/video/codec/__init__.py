"""What coded pictures say of themselves, read from their headers without decoding: H.264, HEVC, VP8, VP9."""
