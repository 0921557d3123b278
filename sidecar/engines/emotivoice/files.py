"""The files that an EmotiVoice model consists of: in a pack, and as they are published."""

STYLE, TOKENS, VOCABULARY = "style.safetensors", "tokens.txt", "vocabulary.txt"  #: beside the weights

#: Published kind -> what to call it, and where it comes from.
KINDS = {
    "joint": "joint generator (g_00140000)",
    "style": "style encoder (checkpoint_163431)",
    "vocabulary": "SimBERT vocabulary (vocab.txt)",
    "tokens": "list of tokens (tokenlist)",
    "speakers": "list of speakers (speaker2, or info/speaker of a fine-tuned model)",
    "config": "config.json",
}
REQUIRED = ("joint", "style", "vocabulary")
