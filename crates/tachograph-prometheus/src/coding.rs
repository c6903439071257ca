//! Content codings: a page is compressed as it is made.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// How a body is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// The value of `Content-Encoding`, if there is one.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            #[cfg(feature = "zstd")]
            Coding::Zstd => Some("zstd"),
        }
    }
}

/// A coding at work. Writing to memory does not fail; if it ever did, the body would end with the error.
///
/// Pages repeat themselves so much that the fastest level is nearly the smallest.
pub(crate) enum Encoder {
    Identity(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    #[cfg(feature = "zstd")]
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl Encoder {
    pub(crate) fn new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Identity => Encoder::Identity(Vec::new()),
            Coding::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            #[cfg(feature = "zstd")]
            Coding::Zstd => {
                /// 256 KiB: families of like lines are as near to each other, and what is kept is bounded by it.
                const WINDOW_LOG: u32 = 18;
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1)?;
                encoder.window_log(WINDOW_LOG)?;
                Encoder::Zstd(Box::new(encoder))
            }
        })
    }

    /// Codes a piece.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Identity(out) => out.write_all(piece),
            Encoder::Gzip(encoder) => encoder.write_all(piece),
            #[cfg(feature = "zstd")]
            Encoder::Zstd(encoder) => encoder.write_all(piece),
        }
    }

    /// Takes what has been coded so far; a coder keeps back what it has not decided on.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(match self {
            Encoder::Identity(out) => out,
            Encoder::Gzip(encoder) => encoder.get_mut(),
            #[cfg(feature = "zstd")]
            Encoder::Zstd(encoder) => encoder.get_mut(),
        })
    }

    /// Ends the body; what was not taken is returned.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Identity(out) => Ok(out),
            Encoder::Gzip(encoder) => encoder.finish(),
            #[cfg(feature = "zstd")]
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}
