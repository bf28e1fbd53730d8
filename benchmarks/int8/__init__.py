"""What 8-bit values cost and bring: points between fp32 and all products on bytes, on clips that none was made on."""
