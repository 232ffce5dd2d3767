internal import CLinux
internal import Glibc
internal import Linux
internal import Synchronization
internal import SystemPackage
internal import VhostUser
internal import Virtio

/// The session's side of a worker.
extension QueueWorker {
    /// Serves a ring; it is looked at whether it was kicked or not.
    ///
    /// - Throws: What the kick descriptor cannot be waited for with.
    func start(_ setup: RingSetup) throws(Errno) {
        if let kick = setup.kick {
            try checked(cl_epoll_add(epoll.number, kick.number, true))
            self.kick.withLock { $0 = kick }
        }
        post { $0.start = setup }
    }

    /// Takes the ring away; returns when the requests in hand, the pool's among them, are finished and no other was begun.
    ///
    /// - Returns: The first available entry that was not taken.
    func stop() -> UInt16 {
        post {
            $0.stop = true
            $0.start = nil
            $0.acknowledge = true
        }
        awaitAcknowledgement()
        kick.withLock { kick in
            guard let number = kick?.number else { return }
            _ = cl_epoll_remove(epoll.number, number)
            // The counter was never read. A frontend that takes the eventfd back finds it empty, as it lent it.
            _ = cl_eventfd_drain(number)
            kick = nil
        }
        return stoppedAt.load(ordering: .acquiring)
    }

    /// Takes another eventfd to signal. One whose counter is full must not hold up a worker; QEMU's are not blocking in the
    /// first place. A frontend can make it blocking again: see ``free()``.
    func setCall(_ call: SharedDescriptor?) {
        signalled.withLock { $0.next = call }
        if let call { _ = cl_set_nonblocking(call.number, true) }
        post { $0.call = .some(call) }
        // And signalled at once: the worker may be in a long request, and have told of those before it by the last one.
        call?.signal()
    }

    func setError(_ error: SharedDescriptor?) {
        if let error { _ = cl_set_nonblocking(error.number, true) }
        post { $0.error = .some(error) }
    }

    /// Gives the worker another memory table; see ``awaitAcknowledgement()`` when it is to be acknowledged.
    func setMemory(_ memory: GuestMemory, acknowledge: Bool) {
        post {
            $0.memory = memory
            $0.acknowledge = acknowledge
        }
    }

    /// Waits until the orders before the last one that was to be acknowledged are taken.
    func awaitAcknowledgement() {
        acknowledgement.wait()
    }

    /// Lets those go on who wait because a frontend has filled an eventfd's counter and made it blocking, when that frontend is
    /// not waited for any more.
    func free() {
        let all = signalled.withLock { [$0.call, $0.error, $0.next] }
        for case let descriptor? in all { _ = cl_eventfd_drain(descriptor.number) }
    }

    /// Ends the thread and waits for its end.
    func end() {
        post { $0.exit = true }
        thread.withLock { thread in
            guard let running = thread else { return }
            while !hasEnded.wait(milliseconds: Self.patience) { free() }
            running.join()
            thread = nil
        }
    }

    private func post(_ change: (inout Orders) -> Void) {
        orders.withLock {
            change(&$0)
            hasNews.store(true, ordering: .releasing)
        }
        _ = cl_eventfd_signal(wake.number)
    }
}
