from __future__ import annotations

from eap.synth.phonemes import PHONEMES, VISEME_CHANNELS, Kind
from eap.synth.sentences import LEXICON, SUITE_SENTENCES, TRAINING_SENTENCES, sentence

ALL = [sentence(number) for number in (*TRAINING_SENTENCES, *SUITE_SENTENCES)]


def test_a_sentence_is_the_same_for_everybody_and_always() -> None:
    sentence.cache_clear()
    assert [sentence(made.number) for made in ALL] == ALL
    assert (ALL[3].text, ALL[3].phones[1].symbol) == ("everybody painted our number with the summer", "eh")


def test_the_sentences_differ_in_words() -> None:
    assert len({made.text for made in ALL}) == 300


def test_length_stress_and_silences() -> None:
    for made in ALL:
        assert 2.0 <= made.seconds <= 3.0
        assert (made.phones[0].symbol, made.phones[-1].symbol) == ("sil", "sil")
        nuclear = {phone.word for phone in made.phones if phone.stress == 2}
        assert len(nuclear) == 1, f"{made.text}: one word carries the sentence stress"
        assert any(phone.stress == 1 for phone in made.phones)
        assert sum(PHONEMES[phone.symbol].bilabial for phone in made.phones) >= 2


def test_phones_spell_the_words() -> None:
    for made in ALL[:20]:
        words = made.text.replace(",", "").split()
        for index, word in enumerate(words):
            spoken = [phone.symbol for phone in made.phones if phone.word == index]
            assert spoken == [symbol for symbol, _ in LEXICON[word]]


def test_stress_is_longer() -> None:
    plain = {phone.seconds for made in ALL for phone in made.phones if phone.symbol == "ae" and phone.stress == 0}
    nuclear = {phone.seconds for made in ALL for phone in made.phones if phone.symbol == "ae" and phone.stress == 2}
    assert min(nuclear) > min(plain)


def test_every_phoneme_of_the_lexicon_has_sound_and_mouth() -> None:
    for word, sounds in LEXICON.items():
        assert any(PHONEMES[symbol].kind is Kind.VOWEL for symbol, _ in sounds), word
    assert all(len(phoneme.mouth) == len(VISEME_CHANNELS) == 8 for phoneme in PHONEMES.values())
    used = {phone.symbol for made in ALL for phone in made.phones}
    assert used == set(PHONEMES)
