//! A page as the body of a response, made while it is sent.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::coding::{Coding, Encoder};
use crate::stream::PageStream;

/// How many pieces may be compressed at a time, before others get their turn: what is compressed well leaves
/// nothing to send for a while.
const AT_A_TIME: usize = 4;

/// A page as the body of a response, made piece by piece as the client takes it: see
/// [`PrometheusExporter::respond_streaming`](crate::PrometheusExporter::respond_streaming).
///
/// Each poll makes a piece, which takes tens of microseconds, a few milliseconds where it is compressed; it
/// runs no code of the user's and waits for nothing. A page of one piece has an exact size.
pub struct PageBody {
    state: State,
}

enum State {
    /// The whole of it.
    Piece(Bytes),
    Stream(Box<Stream>),
    Done,
}

struct Stream {
    pages: PageStream,
    encoder: Encoder,
    piece: Vec<u8>,
}

impl PageBody {
    /// A body of which everything is there.
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        PageBody { state: if bytes.is_empty() { State::Done } else { State::Piece(bytes) } }
    }

    /// A page, coded. The first piece is made at once, so that a small page is known to be whole.
    ///
    /// # Errors
    ///
    /// If the coder cannot be made, for want of memory.
    pub(crate) fn of(pages: PageStream, coding: Coding) -> io::Result<Self> {
        let mut stream = Stream { pages, encoder: Encoder::new(coding)?, piece: Vec::new() };
        stream.advance()?;
        if stream.pages.is_done() {
            return Ok(PageBody::whole(stream.encoder.finish()?));
        }
        Ok(PageBody { state: State::Stream(Box::new(stream)) })
    }

    /// How long it is, if that is known.
    pub(crate) fn len(&self) -> Option<usize> {
        match &self.state {
            State::Piece(bytes) => Some(bytes.len()),
            State::Done => Some(0),
            State::Stream(_) => None,
        }
    }
}

impl Stream {
    /// Makes a piece, and has it coded.
    fn advance(&mut self) -> io::Result<()> {
        match self.pages.next_into(&mut self.piece) {
            true => self.encoder.write(&self.piece),
            false => Ok(()),
        }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let frame = |bytes: Vec<u8>| Poll::Ready(Some(Ok(Frame::data(Bytes::from(bytes)))));
        for _ in 0..AT_A_TIME {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return Poll::Ready(None),
                State::Piece(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                State::Stream(mut stream) => {
                    // The piece that was made last goes out while the next one is not begun.
                    let coded = stream.encoder.take();
                    if !coded.is_empty() {
                        self.state = State::Stream(stream);
                        return frame(coded);
                    }
                    let next = match stream.advance() {
                        Ok(()) if stream.pages.is_done() => stream.encoder.finish().map(PageBody::whole),
                        Ok(()) => Ok(PageBody { state: State::Stream(stream) }),
                        Err(error) => Err(error),
                    };
                    match next {
                        Ok(body) => *self = body,
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match self.len() {
            Some(len) => SizeHint::with_exact(len as u64),
            None => SizeHint::default(),
        }
    }
}

impl fmt::Debug for PageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageBody").field("len", &self.len()).finish_non_exhaustive()
    }
}
