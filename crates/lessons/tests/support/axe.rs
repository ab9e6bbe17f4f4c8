//! axe-core, which looks in a page for what keeps out a reader with an impairment.

use std::{env, fs};

use harness::Window;
use serde_json::{Value, json};

/// Its script, by the variable `AXE`; `.ci/run` installs it. `None` if the variable is not set, which is reported.
pub(crate) fn script() -> Option<String> {
    let Some(file) = env::var_os("AXE") else {
        harness::skip(
            "AXE does not name axe-core's axe.min.js",
            "install it as .ci/run does",
        );
        return None;
    };
    Some(fs::read_to_string(file).unwrap())
}

/// The serious and critical findings in the page of a window, as a list; `None` if there is none.
pub(crate) async fn findings(page: &Window, script: &str) -> Option<Value> {
    page.browser.execute(script, Vec::new()).await.unwrap();
    let found = page
        .run(
            "const { violations } = await axe.run('main'); \
             return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)) \
               .map(({ id, nodes }) => [id, nodes.length, nodes[0].html, nodes[0].failureSummary])",
        )
        .await;
    (found != json!([])).then_some(found)
}
