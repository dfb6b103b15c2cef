"""Arrays in, arrays out: transforms, segments, masks, filters and scores that know no file, clock or log.

Inside of this room channels come first, ``(channels, samples)``, so that each channel is contiguous.
"""
