//! Times, as they are given and told.

use std::time::Duration;

use jiff::{Span, Zoned, civil::DateTime, tz::TimeZone};
use mainstem::{Error, Timestamp};

use super::{args::Place, config};

/// Where clocks show what.
pub(super) struct Clock(TimeZone);

impl Clock {
    pub(super) fn of(place: &Place) -> Self {
        Self(match place.utc {
            true => TimeZone::UTC,
            false => TimeZone::system(),
        })
    }

    /// The time that a flag names.
    pub(super) fn read(&self, flag: &str, text: &str) -> Result<Timestamp, Error> {
        let now = jiff::Timestamp::now().to_zoned(self.0.clone());
        let at = self.find(text, &now).ok_or_else(|| {
            config(format!(
                "`{flag} {text}` is no time; give 2026-11-21, 2026-11-21T10:30, 2026-11-21T10:30Z, or \
                 how long ago: 2h, 3d"
            ))
        })?;
        let millis = u64::try_from(at.as_millisecond()).unwrap_or_default();
        Ok(Timestamp::from_unix_millis(millis))
    }

    fn find(&self, text: &str, now: &Zoned) -> Option<jiff::Timestamp> {
        if let Ok(at) = text.parse() {
            return Some(at);
        }
        if let Ok(at) = text.parse::<DateTime>() {
            return Some(at.to_zoned(self.0.clone()).ok()?.timestamp());
        }
        let ago: Span = text.parse().ok()?;
        Some(now.checked_sub(ago.abs()).ok()?.timestamp())
    }

    /// A time to the second.
    pub(super) fn tell(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S")
    }

    /// A time to the second, and where it is that late.
    pub(super) fn tell_with_offset(&self, at: Timestamp) -> String {
        self.format(at, "%Y-%m-%d %H:%M:%S %:z")
    }

    fn format(&self, at: Timestamp, format: &str) -> String {
        let millis = i64::try_from(at.as_unix_millis()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(millis) {
            Ok(at) => at.to_zoned(self.0.clone()).strftime(format).to_string(),
            Err(_) => "?".to_owned(),
        }
    }
}

/// How long it was from a time to another one.
pub(super) fn between(begun: Timestamp, ended: Timestamp) -> String {
    let millis = ended
        .as_unix_millis()
        .saturating_sub(begun.as_unix_millis());
    let time = Duration::from_millis(millis);
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{millis} ms"),
        1..=59 => format!("{:.1} s", time.as_secs_f64()),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_moments_in_the_zone_or_as_how_long_ago() {
        let clock = Clock(TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC));
        let now: Zoned = "2026-11-21T12:00+01:00[+01:00]".parse().unwrap();
        let find = |text: &str| clock.find(text, &now).map(|at| at.to_string());
        let utc = Clock(TimeZone::UTC);
        let find_utc = |text: &str| utc.find(text, &now).map(|at| at.to_string());
        assert_eq!(find_utc("2026-11-21").unwrap(), "2026-11-21T00:00:00Z");
        assert_eq!(
            find_utc("2026-11-21T10:30").unwrap(),
            "2026-11-21T10:30:00Z"
        );
        assert_eq!(find("2026-11-21T10:30Z").unwrap(), "2026-11-21T10:30:00Z");
        assert_eq!(find("2h").unwrap(), "2026-11-21T09:00:00Z");
        assert_eq!(find("3d").unwrap(), "2026-11-18T11:00:00Z");
        assert_eq!(find("3 days ago").unwrap(), "2026-11-18T11:00:00Z");
        for wrong in ["", "soon", "25:00", "2026-13-01", "-"] {
            assert_eq!(find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_as_exact_as_they_are_short() {
        let words = |millis: u64| {
            let at = Timestamp::from_unix_millis;
            between(at(5), at(5 + millis))
        };
        assert_eq!(words(0), "0 ms");
        assert_eq!(words(1250), "1.2 s");
        assert_eq!(words(125_900), "2 min 5 s");
        assert_eq!(words(2 * 3_600_000 + 60_000), "2 h 1 min");
        let at = Timestamp::from_unix_millis;
        assert_eq!(between(at(9), at(5)), "0 ms", "a clock was set back");
    }
}
