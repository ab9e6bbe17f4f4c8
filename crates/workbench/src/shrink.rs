//! Makes a failing story short: delta debugging over its steps, then simpler steps for those left.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::challenge::Challenge;
use crate::story::{Step, Story};

/// Tells shorter and simpler stories as long as they still fail. `fails` tells a story and returns the
/// steps that happened, if it failed.
///
/// Any fault counts, not only the first one: of two faults in a server, the one with the shorter story
/// is reported.
pub fn shrink<C: Challenge>(
    mut story: Story<C>,
    mut fails: impl FnMut(&Story<C>) -> Option<Story<C>>,
) -> Story<C> {
    loop {
        let before = story.clone();
        leave_out(&mut story, &mut fails);
        leave_out_pairs(&mut story, &mut fails);
        merge_names::<C>(&mut story, &mut fails);
        simplify(&mut story, &mut fails);
        if story == before {
            break;
        }
    }
    first_names::<C>(&mut story, &mut fails);
    story
}

/// Halves first, then smaller parts, at last single steps. From the end, because late steps cause less.
fn leave_out<D: Clone>(
    story: &mut Vec<Step<D>>,
    fails: &mut impl FnMut(&Vec<Step<D>>) -> Option<Vec<Step<D>>>,
) {
    let mut part = story.len().div_ceil(2).max(1);
    loop {
        let mut end = story.len();
        while end > 0 {
            let start = end.saturating_sub(part);
            let fewer = [&story[..start], &story[end..]].concat();
            end = start;
            if let Some(shorter) = fails(&fewer) {
                end = end.min(shorter.len());
                *story = shorter;
            }
        }
        if part == 1 {
            return;
        }
        part = part.div_ceil(2);
    }
}

/// Two steps that need each other, such as slow and fast.
fn leave_out_pairs<D: Clone>(
    story: &mut Vec<Step<D>>,
    fails: &mut impl FnMut(&Vec<Step<D>>) -> Option<Vec<Step<D>>>,
) {
    for first in 0..story.len() {
        for second in first + 1..story.len() {
            let mut fewer = story.clone();
            fewer.remove(second);
            fewer.remove(first);
            if let Some(shorter) = fails(&fewer) {
                *story = shorter;
                return;
            }
        }
    }
}

/// One name in place of two, in the whole story or in one step: Ann does what Ben did.
fn merge_names<C: Challenge>(
    story: &mut Story<C>,
    fails: &mut impl FnMut(&Story<C>) -> Option<Story<C>>,
) {
    for (first, other) in pairs::<C>() {
        let merged: Story<C> = story
            .iter()
            .map(|step| renamed(step, other, first))
            .collect();
        if let Some(same) = fails(&merged) {
            *story = same;
            continue;
        }
        for at in 0..story.len() {
            let mut merged = story.clone();
            merged[at] = renamed(&story[at], other, first);
            if merged != *story
                && let Some(same) = fails(&merged)
            {
                *story = same;
                break;
            }
        }
    }
}

fn simplify<D: Clone>(
    story: &mut Vec<Step<D>>,
    fails: &mut impl FnMut(&Vec<Step<D>>) -> Option<Vec<Step<D>>>,
) {
    let mut at = 0;
    while at < story.len() {
        let simpler = match &story[at] {
            Step::Deliver(from, to) => Some(Step::Fast(from.clone(), to.clone())),
            Step::Wait(time) if *time > 10 => Some(Step::Wait(10)),
            _ => None,
        };
        if let Some(simpler) = simpler {
            let mut changed = story.clone();
            changed[at] = simpler;
            if let Some(changed) = fails(&changed) {
                *story = changed;
            }
        }
        at += 1;
    }
}

/// Swaps the names of a kind, so that the story begins with Ann and not with Ben.
fn first_names<C: Challenge>(
    story: &mut Story<C>,
    fails: &mut impl FnMut(&Story<C>) -> Option<Story<C>>,
) {
    for (first, other) in pairs::<C>() {
        let swap = |step: &Step<C::Deed>| {
            renamed(
                &renamed(&renamed(step, first, "?"), other, first),
                "?",
                other,
            )
        };
        let swapped = story.iter().map(swap).collect();
        if text(&swapped) < text(&*story)
            && let Some(swapped) = fails(&swapped)
        {
            *story = swapped;
        }
    }
}

/// Whether the first name of each kind comes first. A story that begins with Ben is the story of Ann
/// with the names swapped, and need not be told.
pub(crate) fn is_first<C: Challenge>(story: &Story<C>) -> bool {
    let text = text(story);
    let place = |name: &&str| text.find(*name).unwrap_or(usize::MAX);
    C::NAMES.iter().all(|names| names.is_sorted_by_key(place))
}

fn pairs<C: Challenge>() -> impl Iterator<Item = (&'static str, &'static str)> {
    let kinds = C::NAMES.iter();
    kinds.flat_map(|names| names[1..].iter().map(|other| (names[0], *other)))
}

fn text<T: Serialize + ?Sized>(steps: &T) -> String {
    serde_json::to_string(steps).expect("steps are plain data")
}

fn renamed<D: Serialize + DeserializeOwned>(step: &Step<D>, from: &str, to: &str) -> Step<D> {
    serde_json::from_str(&text(step).replace(from, to)).expect("a name in place of a name")
}
