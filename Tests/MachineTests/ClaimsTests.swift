import Testing

@testable import Machine

@Suite struct ClaimsTests {
    private typealias Keys = Set<Claims.Key>

    /// Claims, and who has begun under them.
    private final class Scene {
        let claims = Claims()
        var begun: [String] = []

        func take(_ keys: Keys, as name: String) {
            claims.take(keys) { [unowned self] in begun.append(name) }
        }
    }

    @Test func letsThoseWithNothingInCommonGoOnSideBySide() {
        let scene = Scene()

        scene.take([.share("rw/a"), .target("/a")], as: "a")
        scene.take([.share("rw/b"), .target("/ab")], as: "b")
        // A share and a target of the same text are not the same.
        scene.take([.share("/a")], as: "c")

        #expect(scene.begun == ["a", "b", "c"])
    }

    @Test func keepsTheOrderOfThoseThatWantTheSame() {
        let scene = Scene()
        let keys: Keys = [.share("rw/a")]

        for name in ["1", "2", "3"] { scene.take(keys, as: name) }
        #expect(scene.begun == ["1"])
        scene.claims.release(keys)
        #expect(scene.begun == ["1", "2"])
        scene.claims.release(keys)
        #expect(scene.begun == ["1", "2", "3"])
    }

    @Test func letsNobodyPassWhoWaitsForMore() {
        let scene = Scene()
        scene.take([.share("a")], as: "a")
        scene.take([.share("a"), .share("b")], as: "both")

        scene.take([.share("b")], as: "b")
        #expect(scene.begun == ["a"])
        scene.claims.release([.share("a")])
        #expect(scene.begun == ["a", "both"])
        scene.claims.release([.share("a"), .share("b")])
        #expect(scene.begun == ["a", "both", "b"])
    }

    @Test func letsAllBeginThatAReleaseMakesFree() {
        let scene = Scene()
        scene.take([.share("a"), .share("b")], as: "both")
        scene.take([.share("a")], as: "a")
        scene.take([.share("b")], as: "b")

        scene.claims.release([.share("a"), .share("b")])

        #expect(scene.begun == ["both", "a", "b"])
    }

    @Test func bearsThatAClaimIsGivenBackAsSoonAsItBegins() {
        let claims = Claims()
        var begun: [Int] = []
        claims.take([.share("a")]) {}
        for number in 0..<100 {
            claims.take([.share("a")]) {
                begun.append(number)
                claims.release([.share("a")])
            }
        }

        claims.release([.share("a")])

        #expect(begun == Array(0..<100))
        claims.take([.share("a")]) { begun.append(100) }
        #expect(begun.last == 100)
    }

    @Test(arguments: [("/a/b/c", "/a"), ("/a", "/a/b/c")])
    func keepsTargetsApartOfWhichOneIsInsideTheOther(first: String, second: String) {
        let scene = Scene()

        scene.take([.target(first)], as: "first")
        scene.take([.target(second)], as: "second")
        scene.take([.target("/a2"), .target("/b")], as: "other")
        #expect(scene.begun == ["first", "other"])
        scene.claims.release([.target(first)])
        #expect(scene.begun == ["first", "other", "second"])
        scene.claims.release([.target(second)])
        scene.take([.target(first)], as: "again")
        #expect(scene.begun.last == "again")
    }

    @Test func keepsNeighboursFromWaiting() {
        let scene = Scene()

        for number in 0..<50 { scene.take([.share("\(number)"), .target("/mnt/\(number)")], as: "\(number)") }

        #expect(scene.begun.count == 50)
    }
}
