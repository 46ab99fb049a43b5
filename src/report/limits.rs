//! The limits of a plan, for the report.

use crate::plan::{Action, Limit as Held, Plan, Step};
use crate::profile::{Cap, Rlimit, RlimitUnit};

use super::draw::origin;
use super::types::{Amount, Enforcer, Limit, LimitUnit};

/// All limits that the plan sets, in the order of its steps.
pub fn limits(plan: &Plan) -> Vec<Limit> {
    plan.steps.iter().flat_map(limits_of).collect()
}

fn limits_of(step: &Step) -> Vec<Limit> {
    match &step.action {
        Action::Limit(limit) => held(limit, step),
        Action::Rlimit { resource, bounds } => {
            let limit = one(
                resource.name(),
                capped(bounds.soft),
                rlimit_unit(*resource),
                Enforcer::Rlimit,
                step,
            );
            vec![Limit { hard: Some(capped(bounds.hard)), ..limit }]
        }
        Action::TimeLimit { limit, .. } => {
            let value = Amount::Fraction(limit.0.as_secs_f64());
            vec![one("time", value, LimitUnit::Seconds, Enforcer::Init, step)]
        }
        Action::Nice(nice) => {
            vec![one("nice", Amount::Signed(*nice), LimitUnit::Niceness, Enforcer::Init, step)]
        }
        _ => Vec::new(),
    }
}

/// Those of the cgroup.
fn held(limit: &Held, step: &Step) -> Vec<Limit> {
    let one = |name, value, unit| one(name, value, unit, Enforcer::Cgroup, step);
    match limit {
        Held::Memory(size) => vec![one("memory", Amount::Whole(size.0), LimitUnit::Bytes)],
        Held::Swap(size) => vec![one("swap", Amount::Whole(size.0), LimitUnit::Bytes)],
        Held::Cpus(cpus) => {
            let processors = Amount::Fraction(f64::from(cpus.0) / 1000.0);
            vec![one("cpus", processors, LimitUnit::Processors)]
        }
        Held::Cpuset(cpus) => {
            vec![one("cpuset", Amount::Words(cpus.to_string()), LimitUnit::ProcessorNumbers)]
        }
        Held::Pids(count) => {
            vec![one("pids", Amount::Whole((*count).into()), LimitUnit::Processes)]
        }
        Held::Io { device: (major, minor), read, write, read_ops, write_ops } => {
            let device = format!("{major}:{minor}");
            let rates = [
                ("io-read", read.map(|size| size.0), LimitUnit::BytesPerSecond),
                ("io-write", write.map(|size| size.0), LimitUnit::BytesPerSecond),
                ("io-read-ops", *read_ops, LimitUnit::OperationsPerSecond),
                ("io-write-ops", *write_ops, LimitUnit::OperationsPerSecond),
            ];
            let set = rates.into_iter().filter_map(|(name, rate, unit)| {
                let limit = one(name, Amount::Whole(rate?), unit);
                Some(Limit { device: Some(device.clone()), ..limit })
            });
            set.collect()
        }
    }
}

fn one(
    name: &'static str,
    value: Amount,
    unit: LimitUnit,
    enforced_by: Enforcer,
    step: &Step,
) -> Limit {
    let origin = origin(&step.origin);
    Limit { name, value, hard: None, unit, device: None, enforced_by, origin }
}

fn capped(bound: Cap<u64>) -> Amount {
    bound.at().map_or(Amount::Words("unlimited".to_owned()), Amount::Whole)
}

fn rlimit_unit(resource: Rlimit) -> LimitUnit {
    match (resource, resource.unit()) {
        (_, RlimitUnit::Bytes) => LimitUnit::Bytes,
        (_, RlimitUnit::Seconds) => LimitUnit::Seconds,
        (Rlimit::Nproc, RlimitUnit::Count) => LimitUnit::Processes,
        (_, RlimitUnit::Count) => LimitUnit::Descriptors,
    }
}
