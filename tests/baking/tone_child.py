"""`speaking_child` of a bake with a voice of tones: everything is real but the speech, which is quick."""

from sidecar.baking import speaking_child
from sidecar.voice import Voice
from tests.fakes import tone_voice

if __name__ == "__main__":
    speaking_child._voice = lambda task: Voice(tone_voice().synthesizer)
    speaking_child.main()
