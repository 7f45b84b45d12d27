# Names its variables in other alphabets.
# expect: OK
def поворот(сетка):
    größe = len(сетка)
    网格 = сетка
    return 网格 if größe else None

transform = поворот
