/// One share of a VM: what it is, where the guest has it, and what has been done with it.
public struct ShareStatus: Codable, Equatable, Sendable {
    /// A place in the guest where the share is to be.
    public struct Target: Codable, Equatable, Sendable {
        /// How a share is at its target.
        public struct State: RawRepresentable, Codable, Hashable, Sendable {
            /// The state's name in the protocol.
            public let rawValue: String

            /// A state by its name.
            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            /// The guest has been asked to mount it, and has not answered.
            public static let mounting = State(rawValue: "mounting")
            /// The guest has it there.
            public static let mounted = State(rawValue: "mounted")
            /// The guest has been asked to unmount it, and has not answered.
            public static let unmounting = State(rawValue: "unmounting")
            /// The guest had it there, and somebody in the guest has unmounted it.
            public static let gone = State(rawValue: "gone")
            /// The guest does not tell.
            public static let unknown = State(rawValue: "unknown")
        }

        /// An absolute path in the guest.
        public var path: String
        /// How the share is there.
        public var state: State

        /// A target.
        public init(path: String, state: State) {
            self.path = path
            self.state = state
        }
    }

    /// What of the host is shared.
    public struct Kind: RawRepresentable, Codable, Hashable, Sendable {
        /// The kind's name in the protocol.
        public let rawValue: String

        /// A kind by its name.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A directory and all that is in it.
        public static let directory = Kind(rawValue: "directory")
        /// One regular file.
        public static let file = Kind(rawValue: "file")
    }

    /// The aggregate it is in, as ``AggregateStatus/bucket`` names it; with the subname it names the share.
    public var bucket: String
    /// Its name in the aggregate.
    public var subname: String
    /// The host directory or file, resolved.
    public var source: String
    /// Which of them it is; a directory when nil.
    public var kind: Kind?
    /// What the guest may do: `rw` or `ro`.
    public var access: String
    /// How it is served, where that is not as by default, as `sheaf run` takes it: `locks=host`.
    public var options: [String]?
    /// Where the guest has it; empty where the guest mounts the aggregate by itself.
    public var targets: [Target]
    /// What has been done with it.
    public var activity: ShareActivity

    /// A share.
    public init(
        bucket: String, subname: String, source: String, kind: Kind? = nil, access: String, options: [String]? = nil,
        targets: [Target], activity: ShareActivity
    ) {
        self.bucket = bucket
        self.subname = subname
        self.source = source
        self.kind = kind
        self.access = access
        self.options = options
        self.targets = targets
        self.activity = activity
    }
}
