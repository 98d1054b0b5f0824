//! MQTT without WebSocket: bytes over a stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::relay::Stop;

/// How much is read at once.
const READ_BYTES: usize = 4 * 1024;

/// A stream as a transport of MQTT. It has a buffer only while it reads or writes, since most connections are idle.
pub(super) struct ByteTransport<S> {
    stream: S,
    /// The bytes that were received before. They are read first.
    first: Bytes,
    writing: Bytes,
}

impl<S> ByteTransport<S> {
    /// Creates a transport. `first` holds the bytes received so far.
    pub(super) fn new(stream: S, first: BytesMut) -> Self {
        Self { stream, first: first.freeze(), writing: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin> Stream for ByteTransport<S> {
    type Item = Result<Bytes, Stop>;

    /// An error is an end like any other: many clients close without close_notify, which the stream reports as one. It
    /// reports it again at each read.
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut this.first))));
        }
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        if ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)).is_err() {
            return Poll::Ready(None);
        }
        let received = buffer.filled();
        Poll::Ready((!received.is_empty()).then(|| Ok(Bytes::copy_from_slice(received))))
    }
}

impl<S: AsyncWrite + Unpin> Sink<Bytes> for ByteTransport<S> {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_write(context)
    }

    fn start_send(self: Pin<&mut Self>, bytes: Bytes) -> io::Result<()> {
        self.get_mut().writing = bytes;
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write(context))?;
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write(context))?;
        Pin::new(&mut this.stream).poll_shutdown(context)
    }
}

impl<S: AsyncWrite + Unpin> ByteTransport<S> {
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.writing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.writing))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.writing.advance(written),
            }
        }
        // Even empty, it would keep its memory.
        self.writing = Bytes::new();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    /// Fails at each read, as TLS does after an end without close_notify.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
        }
    }

    #[test]
    fn an_error_of_the_stream_is_its_end() {
        let mut transport = ByteTransport::new(Broken, BytesMut::from("first"));
        let first = transport.next().now_or_never().flatten().and_then(Result::ok);
        assert_eq!(first.as_deref(), Some(&b"first"[..]));
        assert!(matches!(transport.next().now_or_never(), Some(None)));
    }
}
