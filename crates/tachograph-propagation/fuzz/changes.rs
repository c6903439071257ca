//! Inputs for fuzz targets in ordinary tests, of every crate: a corpus, and what small changes make of it. A bounded
//! number of inputs, the same each time, on any toolchain.

/// So many inputs are made of a corpus.
const INPUTS: usize = 4_000;

/// What grammars of headers and variables are made of.
const TOKENS: [&[u8]; 20] = [
    b",",
    b";",
    b"=",
    b"%",
    b"%25",
    b"%3B",
    b"-",
    b":",
    b" ",
    b"\t",
    b"\n",
    b"@",
    b"0",
    b"00",
    b"k=v",
    b"\xff",
    b"\xc3\xbc",
    b"none",
    b"http://",
    b"\x0a\x04",
];

/// Numbers that look random, by xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// One small change.
fn change(input: &mut Vec<u8>, corpus: &[&[u8]], numbers: &mut Numbers) {
    let at = numbers.below(input.len() + 1);
    match numbers.below(7) {
        0 if at < input.len() => input[at] ^= 1 << numbers.below(8),
        1 if at < input.len() => drop(input.remove(at)),
        2 => input.insert(at, numbers.below(256) as u8),
        3 => drop(input.splice(at..at, TOKENS[numbers.below(TOKENS.len())].iter().copied())),
        4 => {
            let end = at + numbers.below(input.len() + 1 - at);
            let repeated = input[at..end].repeat(1 + numbers.below(4));
            drop(input.splice(at..at, repeated));
        }
        5 => {
            let other = corpus[numbers.below(corpus.len())];
            drop(input.splice(at.., other[numbers.below(other.len() + 1)..].iter().copied()));
        }
        _ => input.truncate(at),
    }
    input.truncate(20_000);
}

/// Runs a target over a corpus, and over inputs that are made of it.
pub(crate) fn run(target: fn(&[u8]), corpus: &[&[u8]]) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    corpus.iter().for_each(|input| target(input));
    for turn in 0..INPUTS {
        let mut input = corpus[turn % corpus.len()].to_vec();
        for _ in 0..=numbers.below(6) {
            change(&mut input, corpus, &mut numbers);
        }
        target(&input);
    }
}
