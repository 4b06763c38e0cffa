"""The smallest VITS and XTTS v2 of Coqui's: their architectures and file formats, with random weights.

    python -m tests.models.coqui FOLDER

They make noise, by the very code that makes speech. Needs the `coqui` extra. What is set by hand is only how long they
take: a VITS says a phoneme in some 50 ms, an XTTS never says that it has finished.
"""

from __future__ import annotations

import json
import math
import string
import sys
from pathlib import Path
from typing import Any

from agent.engines.speak.coqui import read_in_memory

SPEAKERS = ("Ana Florence", "Badr Odhiambo", "Claribel Dervla", "Damien Black")
LANGUAGES = ("en", "es", "zh-cn")
TOKENS = 42
"""Audio tokens that the XTTS makes of every sentence, 2.0 s: the vocoder of an XTTS can't be made any smaller."""
LOUDER = 1_000.0
"""By how much the last layer of a random vocoder of VITS is too quiet."""
FRAMES = 4
"""Frames of 11.6 ms that the VITS gives to a phoneme, and as many to the blank after it."""


def vits(folder: Path, *, languages: tuple[str, ...] = (), seed: int = 1) -> Path:
    """A VITS with four speakers: of English by eSpeak's phonemes, as VCTK's is, or of several languages by letters.

    Its config names the speakers' file by a place that doesn't exist here, as those that were trained elsewhere do.
    """
    import torch
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    torch.save({name: at for at, name in enumerate(SPEAKERS)}, folder / "speaker_ids.pth")
    ids = {name: at for at, name in enumerate(languages)}
    (folder / "language_ids.json").write_text(json.dumps(ids)) if languages else None
    config = VitsConfig(
        use_phonemes=not languages,
        text_cleaner="multilingual_cleaners" if languages else "english_cleaners",
        characters=CharactersConfig(
            characters_class="TTS.tts.models.vits.VitsCharacters",
            pad="_",
            eos="",
            bos="",
            blank="",
            characters=string.ascii_letters + "áéíñóúü",
            punctuations=';:,.!?¡¿—…"«»“” ',
            phonemes="ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑ",
        ),
    )
    args: Any = config.model_args
    args.hidden_channels = args.speaker_embedding_channels = 16
    args.hidden_channels_ffn_text_encoder = 16
    args.num_layers_text_encoder = args.num_layers_posterior_encoder = args.num_layers_flow = 1
    args.upsample_initial_channel_decoder = 32
    args.resblock_kernel_sizes_decoder, args.resblock_dilation_sizes_decoder = [3], [[1, 3, 5]]
    args.init_discriminator = False
    args.inference_noise_scale_dp = 0.1
    args.use_speaker_embedding = config.use_speaker_embedding = True
    args.speakers_file = config.speakers_file = str(folder / "speaker_ids.pth")
    if languages:
        args.use_language_embedding, args.language_ids_file = True, str(folder / "language_ids.json")
    else:
        config.phonemizer, config.phoneme_language = "espeak", "en"
    read_in_memory(config)
    model = Vits(config)
    # All else being random, a phoneme's length is what this affine layer adds to noise: log(FRAMES).
    model.duration_predictor.flows[0].translation.data.fill_(-math.log(FRAMES - 0.5))
    # Nothing of it may be at 0 Hz, which random weights are full of and no voice is.
    last = model.waveform_decoder.conv_post.weight.data
    last.sub_(last.mean(dim=2, keepdim=True)).mul_(LOUDER)
    torch.save({"model": model.state_dict(), "config": config.to_dict()}, folder / "model_file.pth")
    for told in (config, args):
        told.speakers_file = "/where/it/was/trained/speaker_ids.pth"
    if languages:
        args.language_ids_file = "/where/it/was/trained/language_ids.json"
    config.save_json(folder / "config.json")
    return folder


def xtts(folder: Path, *, seed: int = 1) -> Path:
    """An XTTS v2 with four stock speakers and three languages, all the files that Coqui's own folder has."""
    import torch
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    tokens = _vocabulary(folder / "vocab.json")
    config = XttsConfig(languages=[*LANGUAGES])
    args: Any = config.model_args
    args.gpt_layers, args.gpt_n_model_channels, args.gpt_n_heads, args.decoder_input_dim = 2, 64, 2, 64
    args.gpt_max_audio_tokens, args.gpt_max_text_tokens, args.gpt_max_prompt_tokens = TOKENS + 3, 402, 70
    args.gpt_num_audio_tokens, args.gpt_start_audio_token, args.gpt_stop_audio_token = 66, 64, 65
    args.gpt_use_perceiver_resampler = True
    args.gpt_number_text_tokens, args.gpt_start_text_token, args.gpt_stop_text_token = tokens
    model = Xtts(config)
    model.gpt.mel_head.bias.data[args.gpt_stop_audio_token] = -1e4
    last = model.hifigan_decoder.waveform_decoder.conv_post.weight.data
    last.sub_(last.mean(dim=2, keepdim=True)).mul_(LOUDER / 10)
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    speakers = {
        name: {"gpt_cond_latent": torch.randn(1, 32, 64), "speaker_embedding": torch.randn(1, 512, 1)}
        for name in SPEAKERS
    }
    torch.save(speakers, folder / "speakers_xtts.pth")
    config.save_json(folder / "config.json")
    return folder


def _vocabulary(path: Path) -> tuple[int, int, int]:
    """Letters as tokens; how many there are, and the numbers of the first and the last of a text."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    marks = ["[STOP]", "[UNK]", "[SPACE]", *(f"[{language}]" for language in LANGUAGES), "[START]"]
    letters = [*string.ascii_lowercase, *string.digits, *"áéíñóúü.,;:!?'-"]
    tokenizer = Tokenizer(models.BPE({token: at for at, token in enumerate([*marks, *letters])}, [], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(path))
    return tokenizer.get_vocab_size(), tokenizer.token_to_id("[START]"), tokenizer.token_to_id("[STOP]")


if __name__ == "__main__":
    root = Path(sys.argv[1])
    vits(root / "vits")
    vits(root / "several", languages=("en", "fr-fr"))
    xtts(root / "xtts")
