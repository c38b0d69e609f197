use std::{
    fmt,
    io::{self, Write},
};

use brotli::CompressorWriter;
use bytes::{BufMut, Bytes, BytesMut, buf::Writer};
use flate2::{Compression, write::GzEncoder};

use super::Encoding;

/// How far back zstd and brotli look, as a power of two: 128 KiB. It bounds what a connection costs.
const WINDOW: u32 = 17;
/// How hard they try, out of 11 and 19: as fast as what they write comes.
const BROTLI_QUALITY: u32 = 4;
const ZSTD_LEVEL: i32 = 1;
/// What brotli takes at once.
const BROTLI_BUFFER: usize = 4096;

type Out = Writer<BytesMut>;

/// Compresses what is sent, so that all of it can be read as soon as it is there.
pub(crate) enum Encoder {
    Gzip(GzEncoder<Out>),
    Brotli(Box<CompressorWriter<Out>>),
    Zstd(zstd::Encoder<'static, Out>),
}

impl Encoder {
    /// None, if there is nothing to be done, or no memory for it.
    pub(crate) fn new(encoding: Encoding) -> Option<Self> {
        let out = BytesMut::new().writer();
        match encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some(Self::Gzip(GzEncoder::new(out, Compression::fast()))),
            Encoding::Brotli => {
                let brotli = CompressorWriter::new(out, BROTLI_BUFFER, BROTLI_QUALITY, WINDOW);
                Some(Self::Brotli(Box::new(brotli)))
            }
            Encoding::Zstd => {
                let mut zstd = zstd::Encoder::new(out, ZSTD_LEVEL).ok()?;
                zstd.window_log(WINDOW).ok()?;
                Some(Self::Zstd(zstd))
            }
        }
    }

    /// Takes what is to be sent, and gives what is sent for it.
    pub(crate) fn push(&mut self, data: &[u8]) -> Bytes {
        // Writing to memory doesn't fail.
        let _ = self.write(data);
        self.out().get_mut().split().freeze()
    }

    /// What stands at the end.
    pub(crate) fn finish(self) -> Bytes {
        let out = match self {
            Self::Gzip(gzip) => gzip.finish().ok(),
            Self::Brotli(brotli) => Some(brotli.into_inner()),
            Self::Zstd(zstd) => zstd.finish().ok(),
        };
        out.map(|out| out.into_inner().freeze()).unwrap_or_default()
    }

    fn write(&mut self, data: &[u8]) -> io::Result<()> {
        let encoder: &mut dyn Write = match self {
            Self::Gzip(gzip) => gzip,
            Self::Brotli(brotli) => brotli,
            Self::Zstd(zstd) => zstd,
        };
        encoder.write_all(data)?;
        encoder.flush()
    }

    fn out(&mut self) -> &mut Out {
        match self {
            Self::Gzip(gzip) => gzip.get_mut(),
            Self::Brotli(brotli) => brotli.get_mut(),
            Self::Zstd(zstd) => zstd.get_mut(),
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "Gzip",
            Self::Brotli(_) => "Brotli",
            Self::Zstd(_) => "Zstd",
        })
    }
}
