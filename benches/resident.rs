//! How much memory this process has: what the operating system has given it pages for.

#![forbid(unsafe_code)]

use std::fs;

/// Bytes resident, in whole pages: `VmRSS` of `/proc/self/status`.
///
/// Some versions of Linux (6.2 to 6.16) count in batches, and are off by up to 128 KiB a core.
///
/// # Panics
///
/// Where there is no such file: anywhere but on Linux.
#[must_use]
pub fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this needs Linux's /proc");
    parse(&status).expect("/proc/self/status has a VmRSS in kB")
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_among_its_likes() {
        let status = "VmHWM:\t    9000 kB\nVmRSS:\t    1200 kB\nRssAnon:\t     800 kB\n";
        assert_eq!(parse(status), Some(1200 * 1024));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn touched_memory_is_resident() {
        let before = resident();
        let touched = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = resident();
        assert!(after - before > 32 << 20, "{before} {after}");
        drop(touched);
    }
}
