/// Numbers as people read them in a table.
enum Quantity {
    /// A count or a rate: `0`, `3.2`, `250`, `12k`, `1.5M`.
    static func count(_ number: Double) -> String {
        shortened(number, by: 1000, units: ["", "k", "M", "G", "T", "P", "E"], from: 10000)
    }

    /// An amount of bytes: `0`, `512B`, `1.5K`, `34M`; a K is 1024 of them.
    static func bytes(_ number: Double) -> String {
        number == 0 ? "0" : shortened(number, by: 1024, units: ["B", "K", "M", "G", "T", "P", "E"], from: 1000)
    }

    private static func shortened(_ number: Double, by factor: Double, units: [String], from limit: Double) -> String {
        // What another process says need be no sensible number.
        guard number >= 0, number < 1e20 else { return "-" }
        var rest = number
        var unit = 0
        while rest.rounded() >= (unit == 0 ? limit : 1000), unit < units.count - 1 {
            rest /= factor
            unit += 1
        }
        // A tenth is worth saying of a small number alone, and of a whole one there is none.
        let hasTenth = rest < 9.95 && (unit > 0 || rest != rest.rounded())
        let tenths = Int((rest * 10).rounded())
        let text = hasTenth ? "\(tenths / 10).\(tenths % 10)" : "\(Int(rest.rounded()))"
        return text + units[unit]
    }
}
