"""Models made on this machine of what others published: what can be had, how it is fetched, read and put together."""
