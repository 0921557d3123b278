"""A child that was taken over: it says that it is there, and does not look whether its parent is."""

import time

if __name__ == "__main__":
    print("there", flush=True)
    time.sleep(300)
