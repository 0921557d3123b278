"""Pronunciations of dialogue that the dictionaries lack, as pairs: American, British."""

#: Endings that run onto a word: American, British, and after a vowel.
CLITICS = {
    "'ll": ("əl", "əl", "l"), "'ve": ("əv", "əv", "v"), "'re": ("əɹ", "ə", "ɹ"), "'d": ("əd", "əd", "d"),
    "'m": ("əm", "əm", "m"), "n't": ("ᵊnt", "ᵊnt", "ᵊnt"), "'em": ("əm", "əm", "əm"),
}  # fmt: skip
#: Words and noises of dialogue that the dictionaries lack: American, British.
EXTRA = {
    "shh": ("ʃʃ", "ʃʃ"), "sh": ("ʃ", "ʃ"), "brr": ("bˈɜɹ", "bˈɜː"), "grr": ("ɡˈɜɹ", "ɡˈɜː"),
    "zzz": ("zzz", "zzz"), "arr": ("ˈɑɹ", "ˈɑː"), "tsk": ("tˈɪsk", "tˈɪsk"), "eww": ("ˈiu", "ˈiːuː"),
    "ew": ("ˈiu", "ˈiːuː"), "sss": ("sss", "sss"), "mmm": ("mmm", "mmm"), "heh": ("hˈɛ", "hˈɛ"),
    "argh": ("ˈɑɹɡ", "ˈɑː"), "aargh": ("ˈɑɹɡ", "ˈɑː"), "hmph": ("hˈʌmf", "hˈʌmf"), "ugh": ("ˈʌɡ", "ˈʌɡ"),
    "'til": ("tɪl", "tɪl"), "'bout": ("bˈWt", "bˈWt"), "'round": ("ɹˈWnd", "ɹˈWnd"),
    "'ere": ("ˈɪɹ", "ˈɪə"), "'ello": ("əlˈO", "əlˈQ"), "ol'": ("ˈOl", "ˈQl"), "lil": ("lˈɪl", "lˈɪl"),
    "lil'": ("lˈɪl", "lˈɪl"), "an'": ("ən", "ən"), "th'": ("ðə", "ðə"), "wi'": ("wɪ", "wɪ"),
    "yer": ("jɜɹ", "jɜː"), "cetera": ("sˈɛɾəɹə", "sˈɛtəɹə"), "et": ("ɛt", "ɛt"), "miz": ("mɪz", "mɪz"),
    "ngh": ("nˈʌŋ", "nˈʌŋ"), "nngh": ("nˈʌŋ", "nˈʌŋ"), "psh": ("pʃ", "pʃ"), "pff": ("pf", "pf"),
}  # fmt: skip
#: Beginnings of names before a capital: "McRae", "O'Connor".
PATRONYMS = {"Mc": ("mək", "mək"), "O'": ("ˌO", "ˌQ")}
LEAD_METAL = "lˈɛd"
