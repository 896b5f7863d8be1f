//! Causes that nobody is told of, and why.

use droplens_model::Cause;

/// Why there is no alert; `None` if there is one.
pub(super) const fn why(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::OpticsOutOfRange => {
            "The modules' diagnostics are not read yet; LinkErrors and LinkFecUncorrectable tell of the effect."
        }
        Cause::XdpDrop => "An XDP program drops what it was written to drop.",
        Cause::SoftnetTimeSqueeze => {
            "Nothing is lost yet, and every busy host has some; SoftnetDrops tells of the loss."
        }
        Cause::SoftirqImbalance => {
            "A state of many hosts that lose nothing; SoftnetDrops and NicReceiveRingOverflow tell of the loss."
        }
        Cause::BridgeDrop => {
            "Blocked ports and VLAN filters drop on purpose, and bridges drop what no port wants."
        }
        Cause::UnaccountedIpInput | Cause::UnaccountedIpOutput => {
            "Rules and policies without a counter drop on purpose: on an open network, at any time."
        }
        Cause::AddressErrors => {
            "Packets for others, such as a switch floods them; harmless to this host."
        }
        Cause::ConntrackInvalid => {
            "Late packets of closed connections and scans; nothing is lost by the state alone."
        }
        Cause::FirewallDrop => "Dropping is what a firewall is for.",
        Cause::NfqueueDrop => "The queues of NFQUEUE are not read yet.",
        Cause::UdpNoPort => "Scans, and clients of a service that has moved; no loss.",
        Cause::ZeroWindow => "TCP waits for a slow application, as it should; nothing is lost.",
        Cause::TcpResets => "Many programs end connections so; no loss.",
        Cause::PolicerDrop => "A policer or filter drops what it was set to drop.",
        Cause::PathReordering => "TCP puts up with it; what it costs shows in TcpRetransmits.",
        Cause::PathDuplication => "No packet is lost.",
        Cause::TargetUnreachable => {
            "A target that does not answer loses all probes: ProbeLossFast calls, within minutes."
        }
        Cause::IcmpRateLimited => "A router answers less often; no packet of anybody is lost.",
        _ => return None,
    })
}
