from planted.sound.configs import variants

__all__ = ["variants"]
