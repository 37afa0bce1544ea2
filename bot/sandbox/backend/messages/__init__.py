"""Operations on messages and the parts they are made of."""
