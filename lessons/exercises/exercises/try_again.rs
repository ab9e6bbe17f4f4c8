// 20 minutes. Lesson: lessons/12b-start-can-fail.md
// fails with: the_second_start_succeeds
//
// A start with a wrong URL fails, as it should. A second start with a good URL
// must succeed; every start after that gives the same manager, whatever its URL.
//
// TODO: do not keep a failure; keep the first success.

use once_cell::sync::OnceCell;

pub struct PubSubManager {
    pub url: String,
}

impl PubSubManager {
    fn connect(url: &str) -> Result<Self, String> {
        if !url.starts_with("redis://") {
            return Err(format!("{url} does not begin with redis://"));
        }
        let url = url.to_string();
        Ok(PubSubManager { url })
    }
}

static INSTANCE: OnceCell<Result<PubSubManager, String>> = OnceCell::new();

pub fn start(url: &str) -> Result<&'static PubSubManager, String> {
    let started = INSTANCE.get_or_init(|| PubSubManager::connect(url));
    started.as_ref().map_err(Clone::clone)
}

fn main() {
    for url in ["127.0.0.1", "redis://127.0.0.1"] {
        match start(url) {
            Ok(manager) => println!("started with {}", manager.url),
            Err(error) => println!("not started: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_succeeds() {
        assert!(start("127.0.0.1").is_err(), "a wrong URL must be refused");
        let second = start("redis://127.0.0.1").expect("a good URL must start it");
        assert_eq!(second.url, "redis://127.0.0.1");
        let third = start("redis://127.0.0.2").expect("it is started already");
        assert!(std::ptr::eq(second, third), "a second manager was made");
        assert!(
            start("127.0.0.1").is_ok(),
            "it is started, and connects no more"
        );
    }
}
