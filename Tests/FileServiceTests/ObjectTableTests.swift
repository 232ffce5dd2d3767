import Testing

@testable import FileService

@Suite struct ObjectTableTests {
    private final class Item {
        let tag: UInt64
        init(_ tag: UInt64) { self.tag = tag }
    }

    @Test func holdsWhatADictionaryWouldAfterManyChanges() {
        var table = ObjectTable<Item>()
        var model: [UInt64: Item] = [:]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let tag = UInt64.random(in: 0..<400, using: &random)
            if model[tag] != nil {
                let removed = table.remove(tag) { $0.tag == tag }
                #expect(removed === model.removeValue(forKey: tag))
            } else {
                let item = Item(tag)
                table.insert(item, tag: tag)
                model[tag] = item
            }
        }
        #expect(table.count == model.count)
        for tag in 0..<UInt64(400) {
            let found = table.find(tag) { $0.tag == tag }
            #expect(found === model[tag])
        }
    }

    @Test func tellsObjectsWithOneTagApart() {
        var table = ObjectTable<Item>()
        let items = (0..<10).map { Item(UInt64($0)) }
        for item in items { table.insert(item, tag: 7) }
        let third = table.remove(7) { $0.tag == 3 }
        #expect(third === items[3])
        let gone = table.find(7) { $0.tag == 3 }
        #expect(gone == nil)
        for item in items where item.tag != 3 {
            let found = table.find(7) { $0.tag == item.tag }
            #expect(found === item)
        }
    }

    @Test func letsGoOfWhatItHeld() {
        weak var watched: Item?
        do {
            var table = ObjectTable<Item>()
            let item = Item(1)
            watched = item
            table.insert(item, tag: 1)
            _ = table.close()
            #expect(table.count == 0)
            let isTaken = table.insert(item, tag: 2)
            #expect(!isTaken)
        }
        #expect(watched == nil)
    }
}
