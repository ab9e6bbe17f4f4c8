//! Which faults a story may have: none, then slow links, then lost connections and crashes.

use clap::ValueEnum;

/// Which steps a story may have. Each level has all steps of the one below.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// Nothing is slow and nothing fails
    #[value(name = "1")]
    NoFaults,
    /// Messages may wait, so answers overtake each other
    #[value(name = "2")]
    SlowLinks,
    /// Connections are lost; servers crash and pause
    #[default]
    #[value(name = "3")]
    Crashes,
}

impl Level {
    /// All levels up to this one, the lowest first.
    pub fn up_to(self) -> impl Iterator<Item = Self> {
        let all = [Self::NoFaults, Self::SlowLinks, Self::Crashes];
        all.into_iter().filter(move |level| *level <= self)
    }

    /// The number, as on the command line.
    pub fn number(self) -> u8 {
        match self {
            Self::NoFaults => 1,
            Self::SlowLinks => 2,
            Self::Crashes => 3,
        }
    }

    /// The number and the meaning, as a line of the output begins.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoFaults => "level 1, no faults",
            Self::SlowLinks => "level 2, slow links",
            Self::Crashes => "level 3, lost connections and crashes",
        }
    }
}
