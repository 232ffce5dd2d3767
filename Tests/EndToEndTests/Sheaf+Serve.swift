import Frontend
import Testing

extension Sheaf {
    /// Starts a file server and waits until it listens.
    static func serve(
        _ arguments: [String], at socket: String, environment: [String: String] = [:]
    ) async throws -> Program {
        let words = ["\(products)/sheaf", "serve", "--socket", socket] + arguments
        let server = try Program(words, environment: environment)
        let listens = try await server.waits(upTo: 20) { server.errorsSoFar.contains("listening") }
        try #require(listens, "\(server.errorsSoFar)")
        return server
    }

    /// Takes a guest's place at a file server.
    static func mount(_ socket: String) throws -> FuseClient {
        let client = try FuseClient(try Frontend(path: socket))
        try client.initialize()
        return client
    }
}
