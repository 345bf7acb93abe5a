"""Scores by sacreBLEU and tokens by Hugging Face's tokenizers, of sentences made up here. See README.md.

    python3 -m pip install sacrebleu==2.6.0 tokenizers==0.23.2
    python3 test/oracle/text.py
"""
import json, pathlib, random
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, decoders, trainers

random.seed(1406)
WORDS = "the a man rides his bike over two dogs, (one brown) walk past shop-window at 3.5 km/h; price: 1,000.50 $ \"yes\" &quot;no&quot; U.S. it's e.g. 2-3 naïve straße 日本 🙂 don't www.x.org/a_b?c=d&amp;e ... — l'été".split()

def sentence(n): return " ".join(random.choice(WORDS) for _ in range(n))

def changed(text):
    out = []
    for w in text.split():
        r = random.random()
        if r < 0.12: continue
        if r < 0.22: w = random.choice(WORDS)
        if r < 0.28: w = w.upper()
        out.append(w)
        if r > 0.93: out.append(random.choice(WORDS))
    return " ".join(out)

cases = []
def case(hyp, refs, **options):
    """refs: one list of references for each sentence, all of one length"""
    streams = [list(s) for s in zip(*refs)]
    lower = options.get("lowercase", False)
    b = BLEU(tokenize=options.get("tokenize", "13a"), lowercase=lower, effective_order=options.get("effectiveOrder", False))
    c = CHRF(lowercase=lower)
    s = b.corpus_score(hyp, streams)
    f = c.corpus_score(hyp, streams)
    cases.append({"hypotheses": hyp, "references": refs, "options": options, "bleu": s.score, "precisions": s.precisions, "bp": s.bp,
                  "lengths": [s.sys_len, s.ref_len], "signature": str(b.get_signature()), "chrf": f.score, "chrfSignature": str(c.get_signature())})

for size, refs in [(30, 1), (12, 1), (12, 2), (5, 3)]:
    truth = [sentence(random.randint(1, 16)) for _ in range(size)]
    hyp = [changed(t) for t in truth]
    sets = [[t] + [changed(t) for _ in range(refs - 1)] for t in truth]
    case(hyp, sets)
    case(hyp, sets, lowercase=True)
    case(hyp, sets, tokenize="none")
for h, r in [("the cat sat", "the cat sat down on the mat"), ("a b c d e", "v w x y z"), ("", "something"), ("word", "word"), ("a b", "a b"),
             ("the the the the the", "the cat is on the mat"), ("Hello, world! 1,000.5-6", "Hello , world ! 1,000.5 - 6"), ("x", "y"),
             ("a\u00a0b\u0085c  d", "a b c d"), ("tail \n", "tail"), ("see fig.5 a,5 x.y", "see fig . 5 a , 5 x . y"), ("well-\nknown <skipped>thing", "wellknown thing")]:
    case([h], [[r]])
    case([h], [[r]], effectiveOrder=True)
    case([h], [[r]], tokenize="none")

case(["a long sentence here", "another fine long one"], [["abc"], ["another fine one"]])
case(["one two three four", "x y"], [["one two three four five", "one two three"], ["x y z", "x"]])

corpus = [sentence(12) for _ in range(400)]
samples = ["the man rides his bike", " leading and  double  spaces", "Straße, naïve été!", "日本 🙂👍🏽", "it's don't we'll 123 45,6", "tabs\tand\nlines\n\n end ", "zzz unseen qqq",
           "e\u0301 cafe\u0301", "", " ", "UPPER lower MiXeD", "a" * 70]
made = []
def tokenizer(name, t):
    made.append({"name": name, "json": json.loads(t.to_str()), "samples": [
        {"text": s, "ids": t.encode(s, add_special_tokens=False).ids, "decoded": t.decode(t.encode(s, add_special_tokens=False).ids)} for s in samples]})

t = Tokenizer(models.BPE()); t.normalizer = normalizers.NFC()
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False); t.decoder = decoders.ByteLevel()
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=330, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<pad>", "<s>", "</s>"], show_progress=False))
tokenizer("byte-level BPE, GPT-2's way", t)
t = Tokenizer(models.BPE())
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True); t.decoder = decoders.ByteLevel()
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=320, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"], show_progress=False))
tokenizer("byte-level BPE with a space put first", t)
t = Tokenizer(models.BPE(unk_token="[UNK]")); t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
t.pre_tokenizer = pre_tokenizers.Whitespace()
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=150, special_tokens=["[UNK]", "[PAD]"], show_progress=False))
tokenizer("plain BPE after white space and signs", t)
t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>")); t.normalizer = normalizers.Lowercase()
t.pre_tokenizer = pre_tokenizers.WhitespaceSplit(); t.decoder = decoders.BPEDecoder(suffix="</w>")
t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=170, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False))
tokenizer("plain BPE with an end of word", t)
t = Tokenizer(models.WordLevel(unk_token="[UNK]")); t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
t.pre_tokenizer = pre_tokenizers.Whitespace()
t.train_from_iterator(corpus, trainers.WordLevelTrainer(special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]"], show_progress=False))
tokenizer("words", t)

out = {"sacrebleu": sacrebleu.__version__, "cases": cases, "tokenizers": made}
pathlib.Path(__file__).with_name("text.json").write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
