//! Reports for programs: JSON lines and SARIF.

use super::report::{Place, Race, Side};
use std::fmt::Write;

fn quote(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn list<T>(items: &[T], f: impl Fn(&T) -> String) -> String {
    let parts: Vec<String> = items.iter().map(f).collect();
    format!("[{}]", parts.join(","))
}

fn place(p: &Place) -> String {
    format!(
        "{{\"function\":{},\"file\":{},\"line\":{},\"column\":{}}}",
        quote(&p.func),
        quote(&p.file),
        p.line,
        p.column
    )
}

fn side(s: &Side) -> String {
    format!(
        "{{\"access\":\"{}\",\"name\":{},\"atomic\":{},\"address\":\"0x{:x}\",\"size\":{},\"goroutine\":{},\"running\":{},\"locks\":{},\"stack\":{},\"created\":{}}}",
        if s.kind.writes() { "write" } else { "read" },
        s.name.as_deref().map_or("null".into(), quote),
        s.kind.atomic(),
        s.addr,
        s.size,
        s.goroutine,
        s.running,
        list(&s.locks, |(p, read)| format!(
            "{{\"reading\":{read},\"taken\":{}}}",
            place(p)
        )),
        list(&s.stack, place),
        list(&s.created, place)
    )
}

/// One report as one line.
pub fn json(r: &Race) -> String {
    format!(
        "{{\"kind\":\"race\",\"current\":{},\"previous\":{}}}\n",
        side(&r.now),
        side(&r.before)
    )
}

fn location(p: &Place) -> String {
    format!(
        "{{\"physicalLocation\":{{\"artifactLocation\":{{\"uri\":{}}},\"region\":{{\"startLine\":{},\"startColumn\":{}}}}},\"logicalLocations\":[{{\"fullyQualifiedName\":{}}}]}}",
        quote(&p.file),
        p.line,
        p.column.max(1),
        quote(&p.func)
    )
}

fn flow(title: &str, stack: &[Place]) -> String {
    // SARIF lists a stack innermost first.
    let frames = list(stack, |p| format!("{{\"location\":{}}}", location(p)));
    format!(
        "{{\"message\":{{\"text\":{}}},\"frames\":{frames}}}",
        quote(title)
    )
}

fn result(r: &Race) -> String {
    let verb = |s: &Side| if s.kind.writes() { "write" } else { "read" };
    let message = format!(
        "data race: {} by goroutine {} and earlier {} by goroutine {} are not ordered",
        verb(&r.now),
        r.now.goroutine,
        verb(&r.before),
        r.before.goroutine
    );
    let here: Vec<Place> = r.now.stack.first().cloned().into_iter().collect();
    let there: Vec<Place> = r.before.stack.first().cloned().into_iter().collect();
    let mut stacks = Vec::new();
    for (title, stack) in [
        ("this access", &r.now.stack),
        ("the earlier access", &r.before.stack),
        ("where this goroutine was created", &r.now.created),
        ("where the other goroutine was created", &r.before.created),
    ] {
        if !stack.is_empty() {
            stacks.push(flow(title, stack));
        }
    }
    format!(
        "{{\"ruleId\":\"data-race\",\"level\":\"error\",\"message\":{{\"text\":{}}},\"locations\":{},\"relatedLocations\":{},\"stacks\":[{}]}}",
        quote(&message),
        list(&here, location),
        list(&there, location),
        stacks.join(",")
    )
}

/// All reports as one SARIF 2.1.0 document.
pub fn sarif(races: &[Race]) -> String {
    format!(
        "{{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{{\"tool\":{{\"driver\":{{\"name\":\"gosub\",\"version\":\"{}\",\"rules\":[{{\"id\":\"data-race\",\"shortDescription\":{{\"text\":\"Two goroutines access the same memory without ordering, and one writes\"}}}}]}}}},\"results\":{}}}]}}\n",
        env!("CARGO_PKG_VERSION"),
        list(races, result)
    )
}
