//! Where lines come from: a file, or another program.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use price_files::LineCutter;
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How much is read at once, in bytes: several times what leaves together, so that few batches end
/// early because a read did.
const READ_CHUNK: usize = 64 * 1024;

/// Lines, and how far they have been read.
pub(super) struct Source {
    reader: BufReader<Box<dyn AsyncRead + Unpin>>,
    lines: LineCutter,
    name: String,
    /// None for another program's output, whose end nobody knows.
    file: Option<RegularFile>,
    read: u64,
}

struct RegularFile {
    path: PathBuf,
    size: u64,
}

impl Source {
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            let input = tokio::io::stdin();
            return Ok(Self::new(input, "standard input".to_owned(), None));
        }
        let file = File::open(path).await?;
        let about = file.metadata().await?;
        if about.is_dir() {
            // A directory can be opened; only reading it fails, after a server was looked for.
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let regular = about.is_file().then(|| RegularFile {
            path: path.to_owned(),
            size: about.len(),
        });
        Ok(Self::new(file, path.display().to_string(), regular))
    }

    fn new(
        from: impl AsyncRead + Unpin + 'static,
        name: String,
        file: Option<RegularFile>,
    ) -> Self {
        Self {
            reader: BufReader::with_capacity(READ_CHUNK, Box::new(from)),
            lines: LineCutter::default(),
            name,
            file,
            read: 0,
        }
    }

    /// A second reader of the same file; none for what can be read only once.
    pub(super) async fn again(&self) -> io::Result<Option<Self>> {
        match &self.file {
            Some(file) => Self::open(&file.path).await.map(Some),
            None => Ok(None),
        }
    }

    /// What messages call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The number of the line that was read last.
    pub(super) fn line_number(&self) -> u64 {
        self.lines.number()
    }

    /// Whether the next line has yet to arrive, or its end.
    pub(super) fn would_wait(&self) -> bool {
        !self.lines.has_line_end(self.reader.buffer())
    }

    pub(super) fn bar(&self) -> ProgressBar {
        let (bar, style) = match &self.file {
            Some(file) => (ProgressBar::new(file.size), "{bar:32} {percent:>3}%  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.with_style(ProgressStyle::with_template(style).expect("the templates above are valid"))
    }

    /// Reads the next line, if there is one, into `line`.
    pub(super) async fn read_line(&mut self, line: &mut Vec<u8>) -> anyhow::Result<bool> {
        line.clear();
        loop {
            let bytes = self.reader.fill_buf().await;
            let bytes = bytes.with_context(|| format!("cannot read {}", self.name))?;
            if bytes.is_empty() {
                let last = self.lines.finish();
                line.extend_from_slice(last.unwrap_or_default());
                return Ok(last.is_some());
            }
            let (taken, whole) = self.lines.take(bytes);
            let is_whole = whole.is_some();
            line.extend_from_slice(whole.unwrap_or_default());
            self.reader.consume(taken);
            self.read += taken as u64;
            if is_whole {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
impl Source {
    /// A file in memory, or what arrives from a test.
    pub(super) fn of_a_test(from: impl AsyncRead + Unpin + 'static, size: u64) -> Self {
        let file = RegularFile {
            path: PathBuf::new(),
            size,
        };
        Self::new(from, "a test".to_owned(), Some(file))
    }
}
