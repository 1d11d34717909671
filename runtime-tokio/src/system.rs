//! How busy the machine is: sampled in the background, read without waiting.

use std::path::Path;
use std::time::Duration;

use sysinfo::{Disk, Disks, System};
use tokio::sync::watch;

/// Percentages, 0 to 100.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Usage {
    /// All processors together, since the sample before; 0 until there are two samples.
    pub cpu: f32,
    /// Memory in use.
    pub memory: f32,
    /// The disk of the working directory; all disks together where that one cannot be told.
    pub disk: f32,
}

/// The latest sample. Clones share one sampler, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct SystemUsage {
    latest: watch::Receiver<Usage>,
}

impl SystemUsage {
    /// Starts sampling, on the current tokio runtime.
    pub fn start() -> Self {
        let (sender, latest) = watch::channel(Usage::default());
        tokio::spawn(sample_until_unread(sender));
        Self { latest }
    }

    /// The latest sample: at most a few seconds old, all zero before the first. Never waits.
    pub fn now(&self) -> Usage {
        *self.latest.borrow()
    }

    /// The next sample; the latest one if sampling has ended.
    pub async fn next(&mut self) -> Usage {
        let _sampler_ended = self.latest.changed().await;
        *self.latest.borrow_and_update()
    }
}

/// Counts since the last look, which CPU time needs. What a platform does not tell is missing and counts as 0.
struct Sampler {
    system: Option<System>,
    disks: Option<Disks>,
}

impl Sampler {
    fn sample(&mut self) -> Usage {
        let mut usage = Usage::default();
        if let Some(system) = &mut self.system {
            system.refresh_cpu_usage();
            system.refresh_memory();
            usage.cpu = system.global_cpu_usage().clamp(0.0, 100.0);
            usage.memory = percent(system.used_memory(), system.total_memory());
        }
        if let Some(disks) = &mut self.disks {
            disks.refresh(false);
            usage.disk = disk(disks);
        }
        usage
    }
}

fn disk(disks: &[Disk]) -> f32 {
    let here = std::env::current_dir().unwrap_or_else(|_| Path::new("/").to_path_buf());
    let mounts = disks.iter().filter(|disk| here.starts_with(disk.mount_point()));
    let add = |(used, total): (u64, u64), disk: &Disk| {
        (used + disk.total_space().saturating_sub(disk.available_space()), total + disk.total_space())
    };
    // The longest mount point that holds the directory is its own.
    let (used, total) = match mounts.max_by_key(|disk| disk.mount_point().as_os_str().len()) {
        Some(disk) => add((0, 0), disk),
        None => disks.iter().fold((0, 0), add),
    };
    percent(used, total)
}

async fn sample_until_unread(sender: watch::Sender<Usage>) {
    let mut sampler = Sampler { system: System::new().ok(), disks: Disks::new_with_refreshed_list().ok() };
    // The first pause is short, so that there is a CPU value soon.
    let mut pause = FIRST_PAUSE;
    loop {
        // A disk that does not answer (a lost network mount) may block for long: not on a worker thread.
        let sampling = tokio::task::spawn_blocking(move || {
            let usage = sampler.sample();
            (sampler, usage)
        });
        let Ok((returned, usage)) = sampling.await else { return };
        sampler = returned;
        sender.send_replace(usage);
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = PAUSE,
            () = sender.closed() => return,
        }
    }
}

fn percent(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (part as f64 * 100.0 / whole as f64) as f32 }
}

/// Below 200 ms CPU times mean little.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Between two samples: often enough for people, rare enough to cost nothing.
const PAUSE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn samples_are_percentages_and_come_by_themselves() {
        let mut usage = SystemUsage::start();
        let sample = tokio::time::timeout(Duration::from_secs(30), usage.next()).await.unwrap();
        for percentage in [sample.cpu, sample.memory, sample.disk] {
            assert!((0.0..=100.0).contains(&percentage), "{sample:?}");
        }
        assert!(sample.memory > 0.0);
        assert_eq!(usage.now().memory, sample.memory);
    }

    #[test]
    fn nothing_of_nothing_is_zero_percent() {
        assert_eq!(percent(0, 0), 0.0);
        assert_eq!(percent(1, 4), 25.0);
    }
}
