use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A request as it came over the wire.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) keep_alive: bool,
    /// HTTP/1.1, so that the answer may be chunked.
    pub(crate) modern: bool,
}

/// Why there is no further request.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The client closed the connection, or it broke.
    Closed,
    /// What came isn't a request that this server reads.
    Malformed(String),
}

const LARGEST_HEAD: usize = 64 * 1024;
const LARGEST_BODY: usize = 256 * 1024 * 1024;
const MOST_HEADERS: usize = 128;

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl From<httparse::Error> for ReadError {
    fn from(error: httparse::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

fn malformed<T>(reason: &str) -> Result<T, ReadError> {
    Err(ReadError::Malformed(reason.to_owned()))
}

/// Reads the next request; bytes that come after it stay in the buffer.
pub(crate) async fn read<R>(reader: &mut R, buffer: &mut BytesMut) -> Result<Request, ReadError>
where
    R: AsyncRead + Unpin,
{
    let mut request = loop {
        if let Some((request, length)) = parse_head(buffer)? {
            buffer.advance(length);
            break request;
        }
        if buffer.len() > LARGEST_HEAD {
            return malformed("the head of the request is too large");
        }
        fill(reader, buffer).await?;
    };
    request.body = read_body(&request, reader, buffer).await?;
    Ok(request)
}

async fn fill<R: AsyncRead + Unpin>(
    reader: &mut R,
    buffer: &mut BytesMut,
) -> Result<(), ReadError> {
    match reader.read_buf(buffer).await? {
        0 => Err(ReadError::Closed),
        _ => Ok(()),
    }
}

/// Returns the request without its body, and the length of its head.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize)>, ReadError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes)? else {
        return Ok(None);
    };
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = head.headers.iter();
    let mut request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        target: head.path.unwrap_or_default().to_owned(),
        headers: headers
            .map(|header| (header.name.to_owned(), text(header.value)))
            .collect(),
        body: Bytes::new(),
        keep_alive: false,
        modern: head.version == Some(1),
    };
    request.keep_alive = match request.header("connection") {
        Some(value) if value.eq_ignore_ascii_case("close") => false,
        Some(value) if value.eq_ignore_ascii_case("keep-alive") => true,
        _ => request.modern,
    };
    Ok(Some((request, length)))
}

async fn read_body<R>(
    request: &Request,
    reader: &mut R,
    buffer: &mut BytesMut,
) -> Result<Bytes, ReadError>
where
    R: AsyncRead + Unpin,
{
    let chunked = |value: &str| value.to_ascii_lowercase().ends_with("chunked");
    if request.header("transfer-encoding").is_some_and(chunked) {
        return read_chunks(reader, buffer).await;
    }
    let Some(length) = request.header("content-length") else {
        return Ok(Bytes::new());
    };
    match length.trim().parse() {
        Ok(length) => take(length, reader, buffer).await,
        Err(_) => malformed("content-length is not a number"),
    }
}

/// Takes exactly this many bytes.
async fn take<R>(length: usize, reader: &mut R, buffer: &mut BytesMut) -> Result<Bytes, ReadError>
where
    R: AsyncRead + Unpin,
{
    if length > LARGEST_BODY {
        return malformed("the body of the request is too large");
    }
    while buffer.len() < length {
        fill(reader, buffer).await?;
    }
    Ok(buffer.split_to(length).freeze())
}

async fn read_chunks<R>(reader: &mut R, buffer: &mut BytesMut) -> Result<Bytes, ReadError>
where
    R: AsyncRead + Unpin,
{
    let mut body = BytesMut::new();
    loop {
        let size = read_chunk_size(reader, buffer).await?;
        if size == 0 {
            skip_trailers(reader, buffer).await?;
            return Ok(body.freeze());
        }
        if body.len().saturating_add(size) > LARGEST_BODY {
            return malformed("the body of the request is too large");
        }
        body.extend_from_slice(&take(size, reader, buffer).await?);
        if *take(2, reader, buffer).await? != *b"\r\n" {
            return malformed("a chunk is longer than its size");
        }
    }
}

async fn read_chunk_size<R>(reader: &mut R, buffer: &mut BytesMut) -> Result<usize, ReadError>
where
    R: AsyncRead + Unpin,
{
    loop {
        match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((length, size))) => {
                buffer.advance(length);
                return usize::try_from(size).or_else(|_| malformed("a chunk is too large"));
            }
            Ok(httparse::Status::Partial) => fill(reader, buffer).await?,
            Err(_) => return malformed("the size of a chunk is not a number"),
        }
    }
}

/// Reads up to the empty line that ends a chunked body.
async fn skip_trailers<R>(reader: &mut R, buffer: &mut BytesMut) -> Result<(), ReadError>
where
    R: AsyncRead + Unpin,
{
    loop {
        match buffer.windows(2).position(|window| window == b"\r\n") {
            Some(0) => {
                buffer.advance(2);
                return Ok(());
            }
            Some(end) => buffer.advance(end + 2),
            None => fill(reader, buffer).await?,
        }
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(same)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(text: &str) -> Result<Request, ReadError> {
        read(&mut text.as_bytes(), &mut BytesMut::new()).await
    }

    #[tokio::test]
    async fn reads_both_framings_of_a_body() {
        let sized = parse("POST /v1/x?y=1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcdrest")
            .await
            .unwrap();
        assert_eq!(
            (sized.target.as_str(), &sized.body[..]),
            ("/v1/x?y=1", &b"abcd"[..])
        );
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3;ext=1\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
        assert_eq!(&parse(chunked).await.unwrap().body[..], b"abcd");
    }

    #[tokio::test]
    async fn refuses_what_is_not_http() {
        let closed = parse("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab").await;
        assert!(matches!(closed, Err(ReadError::Closed)));
        let garbage = parse("\u{0}\u{1}\r\n\r\n").await;
        assert!(matches!(garbage, Err(ReadError::Malformed(_))));
        let long = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n";
        assert!(matches!(parse(long).await, Err(ReadError::Malformed(_))));
    }

    #[tokio::test]
    async fn keep_alive_depends_on_version_and_header() {
        assert!(parse("GET / HTTP/1.1\r\n\r\n").await.unwrap().keep_alive);
        assert!(!parse("GET / HTTP/1.0\r\n\r\n").await.unwrap().keep_alive);
        assert!(
            !parse("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n")
                .await
                .unwrap()
                .keep_alive
        );
        assert!(
            parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                .await
                .unwrap()
                .keep_alive
        );
    }
}
