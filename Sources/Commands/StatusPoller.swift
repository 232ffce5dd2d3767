internal import Control
internal import SystemPackage

/// Asks one VM for its status again and again, over one connection.
struct StatusPoller: Sendable {
    /// What a VM is found to be.
    enum Finding: Sendable {
        /// Its status.
        case status(MachineStatus)
        /// It is there and does not answer, or cannot yet: why.
        case silent(String)
        /// It has ended. Nothing follows.
        case ended
        /// It cannot be asked. Nothing follows.
        case failed(ControlClientError)
    }

    /// Between the first two samples, so that the first rates need not be waited for.
    static let firstInterval = Duration.milliseconds(300)

    /// The VM's control socket.
    let path: FilePath
    /// Between two samples.
    let interval: Duration

    /// Blocks, and reports, until the VM has ended or cannot be asked. Its end is told at once.
    ///
    /// - Parameter report: Takes a finding; false from it ends the polling.
    func run(_ report: (Finding) -> Bool) {
        do throws(ControlClientError) {
            let client = try ControlClient(path: path, timeout: .seconds(3))
            var pause = min(Self.firstInterval, interval)
            while report(try Self.ask(client)) {
                // Nothing is sent to a client that asks for nothing, so what comes meanwhile is the end.
                if client.waitForEnd(within: pause) { throw .disconnected }
                pause = interval
            }
        } catch .disconnected {
            _ = report(.ended)
        } catch {
            _ = report(.failed(error))
        }
    }

    private static func ask(_ client: ControlClient) throws(ControlClientError) -> Finding {
        do throws(ControlClientError) {
            return .status(try client.status())
        } catch .timedOut {
            return .silent(ControlClientError.timedOut.description)
        } catch .refused(let failure) where failure.code == .unavailable {
            return .silent(failure.message)
        }
    }
}
