//! The program; what it does is in the library, so that the tests can use its parts.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    feed_load::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "feed-load: Linux only: it measures through /proc and keeps its users in epoll. \
         The stock feed itself runs here: cargo run -p stock-feed"
    );
    std::process::ExitCode::FAILURE
}
