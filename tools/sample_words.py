# SPDX-License-Identifier: Apache-2.0
"""Words and random numbers that the two generators of the built-in sample share.

make_nano_text.py writes the text that models/nano is made from, make_month.py the requests of the
sample month. Both must write the same bytes on every machine and with every Python, so they draw from
Stream (splitmix64) instead of the random module, and from lists instead of sets.
Read make_nano_text.py next.
"""

MASK = (1 << 64) - 1


class Stream:
    """Pseudo-random numbers: splitmix64, seeded with a name so that streams do not meet."""

    def __init__(self, name):
        self.state = 0xCBF29CE484222325
        for byte in name.encode("utf-8"):  # FNV-1a
            self.state = ((self.state ^ byte) * 0x100000001B3) & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        """0 .. n-1; the bias of the remainder is below n / 2^64."""
        return self.next() % n

    def between(self, low, high):
        """low .. high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items):
        return items[self.below(len(items))]

    def some(self, items, n):
        """n different items, in random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(n)]


# People, places and things, in both languages.
SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡林何高罗郑"
GIVEN = "芳伟敏静丽强磊军洋勇艳杰娟涛明超霞平刚文华建国兰玉"
ROADS = ["人民路", "中山路", "解放路", "建设路", "和平路", "文化路", "长江路", "黄河路", "东风路", "学院路", "新华路", "光明路"]
CITIES = ["北京", "上海", "广州", "杭州", "成都", "武汉", "西安", "南京", "济南", "长沙", "天津", "重庆"]
GOODS = {
    "水果": ["苹果", "香蕉", "葡萄", "橙子", "西瓜", "桃子", "梨"],
    "文具": ["铅笔", "钢笔", "本子", "尺子", "胶水"],
    "食品": ["面包", "牛奶", "饼干", "茶叶", "大米", "面条"],
    "用品": ["毛巾", "杯子", "雨伞", "台灯", "肥皂"],
}
ALL_GOODS = [thing for kind in GOODS.values() for thing in kind]
MEASURES = "箱盒袋包件"
COLOURS = ["红", "黄", "蓝", "绿", "白", "黑"]
DIGITS_ZH = "零一二三四五六七八九"
FIRST_NAMES = ["Alice", "Bob", "Carol", "David", "Emma", "Frank", "Grace", "Henry", "Irene", "Jack",
               "Kate", "Leo", "Mary", "Nick", "Olga", "Paul", "Rose", "Sam", "Tom", "Vera"]
LAST_NAMES = ["Brown", "Clark", "Davis", "Evans", "Green", "Hall", "King", "Lewis", "Moore", "Scott",
              "Turner", "White", "Young", "Baker", "Cook", "Hill"]
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December"]
THINGS = ["apple", "book", "chair", "desk", "lamp", "pen", "bag", "cup", "clock", "box", "map", "key"]
COLOURS_EN = ["red", "blue", "green", "white", "black", "grey"]
ACTIVITIES = ["Lunch", "Review", "Interview", "Training", "Call", "Demo", "Visit", "Workshop"]
# Machines and their parts.
BLOCKS = ["UART", "SPI", "I2C", "GPIO", "TIMER", "DMA", "ADC", "PWM", "USB", "CAN", "RTC", "WDT"]
REGISTERS = ["CTRL", "STATUS", "DATA", "MASK", "CLK", "MODE", "INT", "ADDR", "LEN", "CFG", "KEY", "CNT"]
MODULES = ["disk", "net", "cache", "auth", "queue", "mail", "proxy", "timer", "sensor", "backup"]
LEVELS = ["INFO", "WARN", "ERROR", "FATAL"]


def person(s):
    """A Chinese name of two or three characters."""
    return s.pick(SURNAMES) + "".join(s.pick(GIVEN) for _ in range(s.between(1, 2)))


def person_en(s):
    return s.pick(FIRST_NAMES) + " " + s.pick(LAST_NAMES)


def address(s):
    return s.pick(ROADS) + str(s.between(1, 199)) + "号"


def hexadecimal(s, digits):
    return "".join(s.pick("0123456789ABCDEF") for _ in range(digits))
