//! Which characters each grammar allows where: one table, so that a check costs a look.

/// A set of characters, as a bit of the table's entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class(u8);

impl Class {
    /// Of a token: RFC 7230, section 3.2.6.
    pub(crate) const TOKEN: Class = Class(1);
    /// Of baggage's values, as `baggage-octet` is, but for `%`, which starts what is encoded.
    pub(crate) const VALUE: Class = Class(2);
    /// As [`VALUE`](Self::VALUE), but for `=`.
    pub(crate) const VALUE_WITHOUT_EQUALS: Class = Class(4);
    /// Of the keys of `tracestate`.
    pub(crate) const STATE_KEY: Class = Class(8);
    /// What those keys start with.
    pub(crate) const STATE_KEY_START: Class = Class(16);
    /// Of the values of `tracestate`.
    pub(crate) const STATE_VALUE: Class = Class(32);
    /// Of hexadecimal numbers, in either case.
    pub(crate) const HEX: Class = Class(64);

    pub(crate) const fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self.0 != 0
    }

    pub(crate) fn has_all(self, text: &[u8]) -> bool {
        text.iter().all(|byte| self.has(*byte))
    }

    /// How many bytes the text has before the first that is not of the class.
    pub(crate) fn run(self, text: &[u8]) -> usize {
        text.iter().position(|byte| !self.has(*byte)).unwrap_or(text.len())
    }
}

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte as usize] = classes_of(byte);
        byte += 1;
    }
    classes
};

const fn classes_of(byte: u8) -> u8 {
    let mut classes = 0;
    let is_start = byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if byte.is_ascii_alphanumeric() || is_one_of(byte, b"!#$%&'*+-.^_`|~") {
        classes |= Class::TOKEN.0;
    }
    if byte.is_ascii_graphic() && !is_one_of(byte, b"\",;\\%") {
        classes |= Class::VALUE.0;
        if byte != b'=' {
            classes |= Class::VALUE_WITHOUT_EQUALS.0;
        }
    }
    if is_start {
        classes |= Class::STATE_KEY_START.0;
    }
    if is_start || is_one_of(byte, b"_-*/@") {
        classes |= Class::STATE_KEY.0;
    }
    if (byte.is_ascii_graphic() || byte == b' ') && !is_one_of(byte, b",=") {
        classes |= Class::STATE_VALUE.0;
    }
    if byte.is_ascii_hexdigit() {
        classes |= Class::HEX.0;
    }
    classes
}

const fn is_one_of(byte: u8, mut set: &[u8]) -> bool {
    while let [first, rest @ ..] = set {
        if *first == byte {
            return true;
        }
        set = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_are_those_of_the_grammars() {
        for byte in 0..=255_u8 {
            // W3C Baggage: baggage-octet.
            let octet = matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
            assert_eq!(Class::VALUE.has(byte), octet && byte != b'%', "{byte:#x}");
            assert_eq!(
                Class::VALUE_WITHOUT_EQUALS.has(byte),
                octet && !matches!(byte, b'%' | b'='),
                "{byte:#x}"
            );
            // RFC 7230: token, as any visible character but delimiters.
            let delimiter = b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(Class::TOKEN.has(byte), matches!(byte, 0x21..=0x7e) && !delimiter, "{byte:#x}");
            // W3C Trace Context: keychar, chr.
            let start = matches!(byte, 0x61..=0x7a | 0x30..=0x39);
            assert_eq!(Class::STATE_KEY_START.has(byte), start, "{byte:#x}");
            assert_eq!(Class::STATE_KEY.has(byte), start || b"_-*/@".contains(&byte), "{byte:#x}");
            assert_eq!(
                Class::STATE_VALUE.has(byte),
                matches!(byte, 0x20..=0x2b | 0x2d..=0x3c | 0x3e..=0x7e),
                "{byte:#x}"
            );
            // RFC 3986: HEXDIG.
            let digit = matches!(byte, 0x30..=0x39 | 0x41..=0x46 | 0x61..=0x66);
            assert_eq!(Class::HEX.has(byte), digit, "{byte:#x}");
        }
    }
}
