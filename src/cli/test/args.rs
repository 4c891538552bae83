//! The command line of `gosub test`: Go's flags with one or two dashes, before or after
//! the packages; `-args` and what follows goes to the test program.

use super::measure::{self, Cover, absolute};
use crate::cli::{constraint, suggest};

/// A parsed command line.
#[derive(Debug, Default)]
pub struct Args {
    pub packages: Vec<String>,
    /// No package was named: the current directory, and output is shown as it comes.
    pub local: bool,
    pub json: bool,
    /// Run under the race detector.
    pub race: bool,
    pub failfast: bool,
    /// `-vet`: off, all, a list; empty: what `go test` looks at.
    pub vet: String,
    pub cover: Cover,
    /// Where profiles go.
    outputdir: Option<String>,
    /// `-explore`, if given.
    explore: Option<bool>,
    /// Flags for the test program, without `-test.`.
    flags: Vec<(&'static str, String)>,
    /// What follows `-args`, and flags that only the program can know with their values.
    rest: Vec<String>,
}

/// Flags of the test program that take a value.
const VALUES: &[&str] = &[
    "run",
    "skip",
    "count",
    "timeout",
    "parallel",
    "shuffle",
    "bench",
    "benchtime",
    "list",
    "cpu",
    "fuzz",
    "fuzztime",
    "fuzzminimizetime",
    "memprofilerate",
    "blockprofilerate",
    "mutexprofilefraction",
    "cpuprofile",
    "memprofile",
    "blockprofile",
    "mutexprofile",
    "trace",
];
/// Those of them that name a file to write.
pub const PROFILES: &[&str] = &[
    "cpuprofile",
    "memprofile",
    "blockprofile",
    "mutexprofile",
    "trace",
];
/// Flags about coverage that take a value.
const COVER: &[&str] = &["covermode", "coverpkg", "coverprofile"];
/// Flags of the test program that are on or off.
const SWITCHES: &[&str] = &[
    "v", "short", "failfast", "benchmem", "fullpath", "leak", "lost", "json", "race", "explore",
];
/// Flags that are accepted and change nothing.
const IGNORED_VALUES: &[&str] = &["p", "mod", "modfile", "ldflags", "gcflags", "asmflags"];
const IGNORED_SWITCHES: &[&str] = &["a", "n", "x", "work", "trimpath", "buildvcs"];
/// Flags that Go has and this command refuses, with the reason.
const REFUSED: &[(&str, &str)] = &[
    ("c", "there is no test binary to keep: tests run at once"),
    ("o", "there is no test binary to keep: tests run at once"),
    ("i", "there is nothing to install"),
    ("exec", "test programs are not separate files"),
];

/// Refuses values that the go command refuses before anything runs.
fn valid(name: &str, value: &str) -> Result<(), String> {
    let good = match name {
        "count" => value.parse::<u64>().is_ok(),
        "parallel" => value.parse::<i64>().is_ok(),
        "timeout" => is_duration(value),
        "shuffle" if value != "on" && value != "off" && value.parse::<i64>().is_err() => {
            return Err(format!(
                "invalid value {value:?} for flag -shuffle: -shuffle argument must be \"on\", \
                 \"off\", or an int64: strconv.ParseInt: parsing {value:?}: invalid syntax"
            ));
        }
        _ => true,
    };
    if good {
        Ok(())
    } else {
        Err(format!(
            "invalid value {value:?} for flag -{name}: parse error"
        ))
    }
}

/// Whether a text is a duration of Go: `0`, or numbers with units.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let number = |c: char| c.is_ascii_digit() || c == '.';
        let n = rest.find(|c| !number(c)).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(n);
        if !digits.contains(|c: char| c.is_ascii_digit()) || digits.matches('.').count() > 1 {
            return false;
        }
        let n = after.find(number).unwrap_or(after.len());
        if !matches!(
            &after[..n],
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h"
        ) {
            return false;
        }
        rest = &after[n..];
    }
    true
}

/// Names of go vet's checks.
#[rustfmt::skip]
const GO_CHECKS: &[&str] = &[
    "appends", "asmdecl", "assign", "atomic", "bools", "buildtag", "cgocall", "composites",
    "copylocks", "defers", "directive", "errorsas", "framepointer", "hostport", "httpresponse",
    "ifaceassert", "loopclosure", "lostcancel", "nilfunc", "printf", "shift", "sigchanyzer",
    "slog", "stdmethods", "stdversion", "stringintconv", "structtag", "testinggoroutine",
    "tests", "timeformat", "unmarshal", "unreachable", "unsafeptr", "unusedresult", "waitgroup",
];

/// Our checks by go vet's names, and whether `go test` runs them by itself.
const CHECKS: &[(&str, &str, bool)] = &[
    ("VetAtomic", "atomic", true),
    ("VetBools", "bools", true),
    ("VetBuildTag", "buildtag", true),
    ("VetDirective", "directive", true),
    ("VetErrorsAs", "errorsas", true),
    ("VetIfaceAssert", "ifaceassert", true),
    ("VetNilFunc", "nilfunc", true),
    ("VetPrintf", "printf", true),
    ("VetStringInt", "stringintconv", true),
    ("VetTests", "tests", true),
    ("VetCopyLocks", "copylocks", false),
    ("VetLostCancel", "lostcancel", false),
    ("VetSelfAssign", "assign", false),
    ("VetSignalChan", "sigchanyzer", false),
    ("VetUnreachable", "unreachable", false),
    ("VetUnusedResult", "unusedresult", false),
    ("VetWaitGroup", "waitgroup", false),
];

/// Whether findings with this code keep tests from running, by the value of `-vet`.
pub fn vets(list: &str, code: &str) -> bool {
    let check = CHECKS.iter().find(|c| c.0 == code);
    match list {
        "off" => false,
        "" => check.is_some_and(|c| c.2),
        "all" => check.is_some(),
        names => check.is_some_and(|c| names.split(',').any(|n| n == c.1)),
    }
}

fn truth(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None | Some("true" | "1" | "t" | "T" | "TRUE" | "True") => Ok(true),
        Some("false" | "0" | "f" | "F" | "FALSE" | "False") => Ok(false),
        Some(v) => Err(format!("invalid boolean value {v:?} for -{name}")),
    }
}

/// Parses the arguments after `test`.
pub fn parse(args: &[String]) -> Result<Args, String> {
    let mut out = Args::default();
    // A flag was seen that only the test program can know; what follows may be its value.
    let mut foreign = false;
    let mut it = args.iter();
    while let Some(a) = it.next() {
        if a == "-args" || a == "--args" {
            out.rest.extend(it.cloned());
            break;
        }
        let Some(flag) = a
            .strip_prefix("--")
            .or_else(|| a.strip_prefix('-'))
            .filter(|f| !f.is_empty())
        else {
            let list = if foreign {
                &mut out.rest
            } else {
                &mut out.packages
            };
            list.push(a.clone());
            continue;
        };
        let (name, value) = match flag.split_once('=') {
            Some((n, v)) => (n, Some(v)),
            None => (flag, None),
        };
        let name = name.strip_prefix("test.").unwrap_or(name);
        if let Some(known) = VALUES.iter().find(|v| **v == name) {
            let v = match value {
                Some(v) => v.to_string(),
                None => it
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("flag needs an argument: -{name}"))?,
            };
            valid(known, &v)?;
            out.flags.push((known, v));
        } else if COVER.contains(&name) || name == "outputdir" {
            let v = value.or_else(|| it.next().map(String::as_str));
            let v = v.ok_or_else(|| format!("flag needs an argument: -{name}"))?;
            if !measure::flag(&mut out.cover, name, v)? {
                out.outputdir = Some(v.to_string());
            }
        } else if name == "cover" {
            out.cover.on = truth(name, value)?;
        } else if let Some(known) = SWITCHES.iter().find(|v| **v == name) {
            let on = truth(name, value)?;
            match *known {
                "json" => out.json = on,
                "race" => {
                    out.race = on;
                    constraint::set_race(on);
                }
                "explore" => out.explore = Some(on),
                "failfast" => {
                    out.failfast = on;
                    out.flags.push((known, on.to_string()));
                }
                _ => out.flags.push((known, on.to_string())),
            }
        } else if name == "tags" {
            let v = value.or_else(|| it.next().map(String::as_str));
            constraint::set_tags(v.ok_or("flag needs an argument: -tags")?);
        } else if name == "vet" {
            let v = value.or_else(|| it.next().map(String::as_str));
            out.vet = v.ok_or("flag needs an argument: -vet")?.to_string();
            let one = |n: &str| matches!(n, "off" | "all" | "") || GO_CHECKS.contains(&n);
            if let Some(bad) = out.vet.split(',').find(|n| !one(n)) {
                return Err(format!(
                    "invalid value {:?} for flag -vet: -vet argument must be a supported \
                     analyzer or a distinguished value; found {bad}",
                    out.vet
                ));
            }
        } else if IGNORED_VALUES.contains(&name) {
            if value.is_none() {
                it.next();
            }
        } else if IGNORED_SWITCHES.contains(&name) {
            truth(name, value)?;
        } else if let Some((_, why)) = REFUSED.iter().find(|r| r.0 == name) {
            return Err(format!("-{name}: {why}"));
        } else {
            // As with the go command, unknown flags are the program's; the command keeps
            // those for itself that look misspelt before any package.
            let all = VALUES.iter().chain(SWITCHES).chain(COVER).copied();
            if out.packages.is_empty()
                && let Some(s) = suggest::closest(name, all)
            {
                return Err(format!("unknown flag -{name}; did you mean -{s}?"));
            }
            foreign = true;
            out.rest.push(a.clone());
        }
    }
    out.local = out.packages.is_empty();
    out.cover.settle(out.race)?;
    Ok(out)
}

impl Args {
    fn last(&self, name: &str) -> Option<&str> {
        let found = self.flags.iter().rev().find(|f| f.0 == name);
        found.map(|f| f.1.as_str())
    }
    pub fn verbose(&self) -> bool {
        self.last("v") == Some("true")
    }
    pub fn outputdir(&self) -> Option<&str> {
        self.outputdir.as_deref()
    }
    pub fn bench(&self) -> bool {
        self.last("bench").is_some_and(|b| !b.is_empty())
    }
    pub fn fuzz(&self) -> bool {
        self.last("fuzz").is_some_and(|f| !f.is_empty())
    }
    /// A flag that only one package can be tested with.
    pub fn single(&self) -> Option<&'static str> {
        let mut all = ["fuzz"].iter().chain(PROFILES);
        let given = |f: &&&str| self.last(f).is_some_and(|v| !v.is_empty());
        all.find(given).copied()
    }
    pub fn list(&self) -> bool {
        self.last("list").is_some_and(|b| !b.is_empty())
    }
    /// Whether passing tests run again under other schedules.
    pub fn explores(&self) -> bool {
        let once = self.last("count").is_none_or(|n| n == "1");
        let chosen = crate::race::options::options().schedule.is_some();
        let plain = !self.bench() && !self.list() && !self.fuzz();
        self.race && self.explore != Some(false) && once && plain && !chosen
    }
    /// Arguments of the test program; `again`: of runs under other schedules, which measure
    /// nothing.
    pub fn for_program(&self, again: bool) -> Vec<String> {
        let mut out = vec!["-test.paniconexit0".to_string()];
        if self.last("timeout").is_none() {
            out.push("-test.timeout=10m0s".into());
        }
        if !again && PROFILES.iter().any(|p| self.last(p).is_some()) {
            out.push(format!(
                "-test.outputdir={}",
                absolute("", self.outputdir())
            ));
        }
        if self.cover.on && !again {
            out.push(format!("-test.cover={}", self.cover.shown()));
            if let Some(file) = self.cover.file(self.outputdir()) {
                out.push(format!("-test.coverprofile={file}"));
            }
        }
        for (name, value) in &self.flags {
            if *name != "v" && !(again && PROFILES.contains(name)) {
                out.push(format!("-test.{name}={value}"));
            }
        }
        if self.json {
            out.push("-test.v=test2json".into());
        } else if self.verbose() {
            out.push("-test.v=true".into());
        }
        out.extend(self.rest.iter().cloned());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(s: &str) -> Vec<String> {
        s.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn flags_may_stand_on_both_sides_of_the_packages() {
        let a = parse(&words("-v --count=2 ./a ./b -run X -short -args -run y")).expect("valid");
        assert_eq!(a.packages, words("./a ./b"));
        assert!(a.verbose() && !a.local && !a.bench());
        assert_eq!(
            a.for_program(false),
            words(
                "-test.paniconexit0 -test.timeout=10m0s -test.count=2 -test.run=X \
                 -test.short=true -test.v=true -run y"
            )
        );
    }

    #[test]
    fn unknown_flags_are_the_programs() {
        let a = parse(&words("-mode fast -run X -size=3 y -ldflags -s")).expect("valid");
        assert!(a.local);
        let all = "-test.paniconexit0 -test.timeout=10m0s -test.run=X -mode fast -size=3 y";
        assert_eq!(a.for_program(false), words(all));
        let a = parse(&words("./a -mode fast -v")).expect("valid");
        assert_eq!(a.packages, words("./a"));
        assert!(a.verbose() && a.rest == words("-mode fast"));
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for bad in [
            "-count=x",
            "-timeout=1",
            "-timeout=1.2.3s",
            "-shuffle=maybe",
            "-vet=x",
        ] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
        for good in [
            "-count=3",
            "-timeout=1m30s",
            "-timeout=0",
            "-shuffle=-7",
            "-vet=off",
        ] {
            assert!(parse(&words(good)).is_ok(), "{good}");
        }
        assert!(vets("", "VetTests") && !vets("off", "VetTests") && !vets("", "VetCopyLocks"));
        assert!(vets("copylocks,tests", "VetCopyLocks") && vets("all", "VetWaitGroup"));
    }

    #[test]
    fn unknown_flags_are_refused_with_a_hint() {
        let e = parse(&words("-shufle on")).expect_err("misspelt");
        assert_eq!(e, "unknown flag -shufle; did you mean -shuffle?");
        assert!(parse(&words("-c")).is_err() && parse(&words("-cover -covermode=x")).is_err());
        assert!(parse(&words("-race -covermode=set")).is_err());
        assert!(parse(&words("-v=maybe")).is_err());
        assert!(parse(&words("-run")).is_err());
    }
}
